"""The inputs by name: every odd value in every type of column, odd forms of rows, odd files and bodies."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from relearn.spec.model import Boolean, Category, DateTime, Id, Ingest, Metric, ModelSpec, Number, Text


@dataclass(frozen=True)
class Row:
    """A line of JSON that may be a row of the spec."""

    name: str
    line: str
    doors: ClassVar[tuple[str, ...]] = ("ingest", "api", "batch", "container", "lines")


@dataclass(frozen=True)
class Body:
    """The body of a prediction request."""

    name: str
    content: bytes
    media: str = "application/json"
    doors: ClassVar[tuple[str, ...]] = ("api", "container")


@dataclass(frozen=True)
class File:
    """An upload, or the file of a batch."""

    name: str
    filename: str
    content: bytes
    doors: tuple[str, ...]


Input = Row | Body | File


SPEC = ModelSpec(
    name="odd",
    title="One column of every type",
    columns=(
        Number("amount", minimum=-1000, maximum=0.1),
        Number("free", optional=True),
        Category("colour", values=("red", "blue", "caf\u00e9")),
        Boolean("flag"),
        DateTime("at"),
        Id("who", max_length=20),
        Text("note", max_length=50, optional=True),
    ),
    target=Category("kind", values=("a", "b")),
    metric=Metric("accuracy", minimum=0.1),
    ingest=Ingest(max_bad_row_rate=1.0, allow_one_class=True, max_bytes=100_000),
)
GOOD = {
    "amount": "-1",
    "free": "2.5",
    "colour": '"red"',
    "flag": "true",
    "at": '"2026-05-04T10:00:00Z"',
    "who": '"w1"',
    "note": '"fine"',
}
"""A good row: column to value as JSON."""
VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "minus zero": "-0",
    "minus zero, a fraction": "-0.0",
    "one": "1",
    "a fraction": "-1.5",
    "an exponent": "-1E+2",
    "beyond a double": "1e400",
    "beyond a double, below zero": "-1e400",
    "nearer to zero than a double": "1e-400",
    "the bound as text": "0.1",
    "just above the bound": "0.10000000149011612",
    "the largest float32": "3.4028234663852886e38",
    "above the largest float32": "3.5e38",
    "beyond 2^53": "9007199254740993",
    "beyond 64 bits": "18446744073709551616",
    "400 digits": "9" * 400,
    "5000 digits": "9" * 5000,
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "hexadecimal": "0x1f",
    "a leading zero": "01",
    "a plus": "+1",
    "no digit before the point": ".5",
    "no digit after the point": "5.",
    "underscores": "1_000",
    "an empty string": '""',
    "a space": '" "',
    "a number as text": '"1"',
    "a padded number": '" 1 "',
    "full-width digits": '"\uff11"',
    "NUL escaped": '"\\u0000"',
    "NUL inside": '"a\\u0000b"',
    "a lone surrogate": '"\\ud800"',
    "two surrogates turned": '"\\udc00\\ud800"',
    "an emoji": '"\U0001f600"',
    "an emoji escaped": '"\\ud83d\\ude00"',
    "a right-to-left override": '"\u202eabc"',
    "a terminal escape": '"\\u001b[31mred"',
    "a raw control character": '"a\x01b"',
    "300 letters": '"' + "x" * 300 + '"',
    "50 emoji": '"' + "\U0001f600" * 50 + '"',
    "a category": '"blue"',
    "a category in capitals": '"RED"',
    "a category with a space": '"red "',
    "a category composed": '"caf\u00e9"',
    "a category decomposed": '"cafe\u0301"',
    "a date": '"2026-05-04"',
    "a date-time without a zone": '"2026-05-04T10:00:00"',
    "a date-time with a space": '"2026-05-04 10:00:00Z"',
    "a date-time with an offset": '"2026-05-04T10:00:00+09:00"',
    "a week date": '"2026-W19-1"',
    "an ordinal date": '"2026-124"',
    "a basic date": '"20260504"',
    "a leap second": '"2016-12-31T23:59:60Z"',
    "24 o'clock": '"2026-05-04T24:00:00Z"',
    "the 30th of February": '"2026-02-30T00:00:00Z"',
    "the year 0": '"0000-01-01T00:00:00Z"',
    "the last moment": '"9999-12-31T23:59:59Z"',
    "the year 10000": '"10000-01-01T00:00:00Z"',
    "nanoseconds": '"2026-05-04T10:00:00.123456789Z"',
    "a comma for a point": '"2026-05-04T10:00:00,5Z"',
    "a small t and z": '"2026-05-04t10:00:00z"',
    "a word": '"nan"',
    "an array": "[1]",
    "an empty array": "[]",
    "an object": '{"a": 1}',
    "1000 arrays deep": "[" * 1000 + "]" * 1000,
}
"""Description to a value, as JSON or what is mistaken for it."""
ROWS: dict[str, str] = {
    "a good row": "{%s}",
    "spaces around it": "  {%s}  ",
    "a trailing comma": "{%s,}",
    "two commas": '{%s,, "note": "x"}',
    "a key twice": '{%s, "amount": -2}',
    "an unknown column": '{%s, "other": 1}',
    "an unknown column that is null": '{%s, "other": null}',
    "a column in capitals": '{%s, "Amount": 1}',
    "an empty key": '{%s, "": 1}',
    "a key with NUL": '{%s, "a\\u0000": 1}',
    "a key that is a lone surrogate": '{%s, "\\ud800": 1}',
    "a key of 5000 letters": '{%s, "' + "k" * 5000 + '": 1}',
    "__proto__": '{%s, "__proto__": {}}',
    "single quotes": "{'a': 1}",
    "a comment": "{%s /* told */}",
    "something after it": "{%s} {}",
    "not closed": "{%s",
    "an empty object": "{}",
    "an array of one": "[{%s}]",
    "an array": "[1, 2]",
    "a string": '"row"',
    "a number": "7",
    "null instead of a row": "null",
    "CSV": "1,2,red,true",
    "markup": "<row/>",
    "SQL": "{%s}; DROP TABLE rows; --",
    "a byte order mark": "\ufeff{%s}",
    "a no-break space": "\u00a0{%s}",
    "a form feed": "\x0c{%s}",
    "NUL around it": "\x00{%s}\x00",
}
"""Description to a line; ``%s`` stands for the fields of a good row."""
HEADER = "amount,free,colour,flag,at,who,note,kind"
LINE = "-1,2.5,red,true,2026-05-04T10:00:00Z,w1,fine,a"
_CSV = f"{HEADER}\n{LINE}\n"
FILES: dict[str, tuple[str, bytes]] = {
    "nothing": ("a.csv", b""),
    "one byte": ("a.csv", b"x"),
    "a header alone": ("a.csv", f"{HEADER}\n".encode()),
    "line ends alone": ("a.csv", b"\n" * 1000),
    "NUL alone": ("a.csv", b"\0" * 1000),
    "NUL in a value": ("a.csv", _CSV.replace("fine", "f\0ne").encode()),
    "good": ("a.csv", _CSV.encode()),
    "a byte order mark": ("a.csv", b"\xef\xbb\xbf" + _CSV.encode()),
    "two byte order marks": ("a.csv", b"\xef\xbb\xbf" * 2 + _CSV.encode()),
    "UTF-16": ("a.csv", _CSV.encode("utf-16")),
    "UTF-32": ("a.csv", _CSV.encode("utf-32")),
    "Latin-1": ("a.csv", _CSV.replace("fine", "caf\u00e9").encode("latin-1")),
    "Shift JIS": ("a.csv", _CSV.replace("fine", "\u65e5\u672c\u8a9e").encode("shift_jis")),
    "broken UTF-8": ("a.csv", _CSV.encode() + b"\xff\xfe\n"),
    "semicolons": ("a.csv", _CSV.replace(",", ";").encode()),
    "tabs": ("a.csv", _CSV.replace(",", "\t").encode()),
    "carriage returns alone": ("a.csv", _CSV.replace("\n", "\r").encode()),
    "a row too short": ("a.csv", f"{_CSV}1,2\n".encode()),
    "a row too long": ("a.csv", f"{_CSV}{LINE},more,and more\n".encode()),
    "a quote that is not closed": ("a.csv", f'{_CSV}"{LINE}\n'.encode()),
    "a column twice": ("a.csv", f"{HEADER},amount\n{LINE},1\n".encode()),
    "a column without a name": ("a.csv", f"{HEADER},\n{LINE},1\n".encode()),
    "an unknown column": ("a.csv", f"{HEADER},other\n{LINE},1\n".encode()),
    "columns missing": ("a.csv", b"amount,kind\n1,a\n"),
    "no header": ("a.csv", f"{LINE}\n{LINE}\n".encode()),
    "10,000 columns": ("a.csv", (",".join(f"c{n}" for n in range(10_000)) + "\n").encode()),
    "a long line": ("a.csv", _CSV.replace("fine", "x" * 90_000).encode()),
    "called another format": ("a.parquet", _CSV.encode()),
    "called gzip": ("a.csv.gz", _CSV.encode()),
    "gzip not called so": ("a.csv", gzip.compress(_CSV.encode())),
    "gzip cut off": ("a.csv.gz", gzip.compress(_CSV.encode())[:-10]),
    "gzip twice": ("a.csv.gz", gzip.compress(gzip.compress(_CSV.encode()))),
    "gzip of nothing": ("a.csv.gz", gzip.compress(b"")),
    "gzip with something after it": ("a.csv.gz", gzip.compress(_CSV.encode()) + b"more"),
    "gzip of a million lines": ("a.csv.gz", gzip.compress(_CSV.encode() + b"x\n" * 2_000_000)),
    "a thousand gzips": ("a.csv.gz", gzip.compress(_CSV.encode()) + gzip.compress(b"") * 1000),
    "a zip": ("a.csv", b"PK\x03\x04" + b"\0" * 100),
    "a picture": ("a.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
    "a program": ("a.csv", b"\x7fELF" + b"\0" * 100),
    "a pickle": ("a.csv", b"\x80\x04\x95" + b"\0" * 100),
    "markup": ("a.csv", b"<html><script>alert(1)</script></html>"),
    "Parquet's first letters": ("a.parquet", b"PAR1"),
    "Parquet without a footer": ("a.parquet", b"PAR1" + b"\0" * 100 + b"PAR1"),
    "Parquet with a vast footer": ("a.parquet", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1"),
    "one JSON array": ("a.jsonl", b'[{"amount": 1}]'),
    "JSON over lines": ("a.jsonl", b'{\n"amount": 1\n}\n'),
    "empty lines of JSON": ("a.jsonl", b"\n\n\n"),
}
"""Description to name and bytes of an upload."""


_GOOD = "{" + ", ".join(f'"{name}": {value}' for name, value in GOOD.items()) + "}"
_BODY = f'{{"instances": [{_GOOD}]}}'
BODIES: dict[str, Body] = {
    name: Body(name, *rest)
    for name, *rest in (
        ("nothing", b""),
        ("white space", b" \n\t"),
        ("good", _BODY.encode()),
        ("two rows", _BODY.replace("[", f"[{_GOOD}, ").encode()),
        ("good, with parameters", _BODY.encode(), 'application/json; charset="UTF-8"'),
        ("no row", b'{"instances": []}'),
        ("1000 rows", f'{{"instances": [{", ".join([_GOOD] * 1000)}]}}'.encode()),
        ("1001 rows", f'{{"instances": [{", ".join([_GOOD] * 1001)}]}}'.encode()),
        ("1000 wrong rows", b'{"instances": [' + b"1," * 999 + b"1]}"),
        ("null for rows", b'{"instances": null}'),
        ("an object for rows", f'{{"instances": {_GOOD}}}'.encode()),
        ("rows twice", f'{{"instances": [{_GOOD}], "instances": [{_GOOD}]}}'.encode()),
        ("rows twice, escaped", f'{{"instances": [{_GOOD}], "\\u0069nstances": [{_GOOD}]}}'.encode()),
        ("a field beside the rows", f'{{"instances": [{_GOOD}], "why": 1}}'.encode()),
        ("__proto__ beside the rows", f'{{"instances": [{_GOOD}], "__proto__": {{}}}}'.encode()),
        ("rows alone", f"[{_GOOD}]".encode()),
        ("a row alone", _GOOD.encode()),
        ("null", b"null"),
        ("a number", b"1"),
        ("a string", b'"instances"'),
        ("two bodies", (_BODY * 2).encode()),
        ("JSON Lines", f"{_GOOD}\n{_GOOD}\n".encode()),
        ("not closed", _BODY[:-2].encode()),
        ("100,000 arrays deep", b"[" * 100_000),
        ("100,000 objects deep", b'{"instances":' * 100_000),
        ("a million digits", b'{"instances": [' + b"9" * 1_000_000 + b"]}"),
        ("600,000 empty objects", b'{"instances": [' + b"{}," * 600_000 + b"{}]}"),
        ("a byte order mark", b"\xef\xbb\xbf" + _BODY.encode()),
        ("two byte order marks", b"\xef\xbb\xbf" * 2 + _BODY.encode()),
        ("Latin-1", _BODY.replace("fine", "caf\u00e9").encode("latin-1")),
        ("broken UTF-8", _BODY.encode().replace(b"fine", b"f\xff\xfene")),
        ("an overlong NUL", _BODY.encode().replace(b"fine", b"f\xc0\x80ne")),
        ("half a character in UTF-8", _BODY.encode().replace(b"fine", b"f\xed\xa0\x80ne")),
        ("UTF-16", _BODY.encode("utf-16")),
        ("gzip", gzip.compress(_BODY.encode())),
        ("NUL", b"\0" * 100),
        ("markup", b"<instances/>"),
        ("another charset", _BODY.encode("latin-1"), "application/json; charset=latin-1"),
        ("no such charset", _BODY.encode(), "application/json; charset=x"),
        ("CSV by its media type", _BODY.encode(), "text/csv"),
        ("no media type", _BODY.encode(), "nothing"),
        ("a long media type", _BODY.encode(), "application/" + "x" * 5000),
    )
}
"""Description to the body of a request, with its media type unless that is JSON."""


def everything() -> Iterator[Input]:
    """Yield all inputs: rows for every door, bodies for requests, files for ingest and as batches."""
    yield from rows()
    for what, body in BODIES.items():
        yield replace(body, name=f"body: {what}")
    for what, (filename, content) in FILES.items():
        yield File(f"file: {what}", filename, content, ("ingest",))
        yield File(f"file of a batch: {what}", filename, content, ("batch",))


def rows() -> Iterator[Row]:
    """Yield every odd value in every column, every column left out, and every odd form of a row."""
    for column in GOOD:
        for what, value in VALUES.items():
            fields = {**GOOD, column: value}
            yield Row(f"{column}: {what}", _row(fields))
        yield Row(f"{column}: left out", _row({k: v for k, v in GOOD.items() if k != column}))
    for what, line in ROWS.items():
        yield Row(f"row: {what}", line.replace("%s", _written(GOOD)))


def _row(fields: dict[str, str]) -> str:
    return f"{{{_written(fields)}}}"


def _written(fields: dict[str, str]) -> str:
    return ", ".join(f'"{name}": {value}' for name, value in fields.items())
