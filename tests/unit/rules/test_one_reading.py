"""Ingest of every format, the API, a batch and the container take the same values of every type of column, however oddly written."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lambdas.http import request
from lambdas.http.request import MalformedBodyError, MediaTypeError
from preparation import prepare
from relearn.api.jsonlines import check_lines
from relearn.api.request_schema import check_request
from relearn.errors import RelearnError
from relearn.spec.model import (
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Ingest,
    Metric,
    ModelSpec,
    Number,
    Text,
)
from scoring.app import content_type
from scoring.encode import from_values
from scoring.reading import Reader
from tests.support.prepare_data import rejected

COLUMNS: dict[str, Column] = {
    "number": Number("x"),
    "datetime": DateTime("x"),
    "text": Text("x", max_length=20),
    "category": Category("x", values=("a", "b")),
    "boolean": Boolean("x"),
    "id": Id("x", max_length=20),
}
TAKEN = {
    "number": ["1", "-0", "1.5", "1E5", "1e-400", "3e38", "0.1", "16777217"],
    "datetime": [
        '"2026-05-04"', '"2026-05-04T10:00:00Z"', '"2026-05-04 10:00"', '"2026-05-04T10:00:00.123456789+09:00"',
        '"2026-05-04T10:00+0900"', '"2026-05-04T10:00+09"', '"9999-12-31T23:59:59Z"', '"0001-01-01"', '"2024-02-29"',
    ],
    "text": [
        '""', '"a"', '"\\u00e9"', '"\\ud83d\\ude00"', '"a,}b"', '"1"', '" a "', '"null"', '"a\\"b"', '"a\\tb"', '"a\\nb"',
        '"a\\rb"', '"a\\r\\n"', '"\\u0001"', '"a\\u001db"', '"\\u001eb"', '"a\\u001f"', '"\\u001du\\u001f\\u001de\\n"', '"\\u0085\\u2028"',
    ],
    "category": ['"a"', '"\\u0061"'],
    "boolean": ["true", "false"],
    "id": ['"a"', '"\\u00e9"'],
}  # fmt: skip
REFUSED = {
    "number": [
        '"1"', '" 1 "', "+1", "1_000", ".5", "1.", "01", "0x10", "1e400", "-1e400", "4e38", "NaN", "Infinity", "-Infinity",
        "true", "null", "[1]", '{"a":1}', '"\uff11\uff12"', "\uff11\uff12", "1,", "1 2", "9" * 5000,
    ],
    "datetime": [
        '"2026-W01-1"', '"2026-001"', '"20260504"', '"2026-05-04T24:00"', '"2026-05-04T24:00:00Z"', '"10000-01-01"',
        '"2026-12-31T23:59:60Z"', '"0000-01-01"', '"9999-12-31T23:59:59-05:00"', '"0001-01-01T00:00+05:00"', '"2026-02-30"',
        '"2026-05-04T10"', '"2026-05-04t10:00z"', '"2026-05-04_10:00"', '" 2026-05-04"', '"\uff12\uff10\uff12\uff16-05-04"', '"infinity"',
        '"2026-05-04T10:00:00,5"', '"2026-05-04T10:00+09:00:30"', '"-2026-05-04"', "1", "null", '""',
    ],
    "text": ['"\\u0000"', '"\\ud800"', '"\\udc00x"', '"' + "a" * 21 + '"', '"a\tb"', "1", "null", "'a'", '"\\x"', '"a",'],
    "category": ['"c"', '"A"', '" a"', '"a\\u0000"', '"\\ud800"', "1", "null"],
    "boolean": ['"true"', "1", "0", "TRUE", "null", '"1"'],
    "id": ['""', '"\\u0000"', '"\\ud800"', '"' + "a" * 21 + '"', "1", "null"],
}  # fmt: skip
BODIES = {
    "a key twice": b'{"x": 1, "x": 2}',
    "a key twice, once escaped": b'{"x": 1, "\\u0078": 2}',
    "a trailing comma": b'{"x": 1,}',
    "a comment": b'{"x": 1} // one',
    "a second mark of the byte order": b"\xef\xbb\xbf\xef\xbb\xbf" + b'{"x": 1}',
    "bytes that are not UTF-8": b'{"x": 1, "\x93": 1}',
    "two objects": b'{"x": 1} {"x": 2}',
    "no object": b"[1]",
    "single quotes": b"{'x': 1}",
    "nothing": b"{}",
    "an unknown column": b'{"x": 1, "y": 2}',
}


def spec_of(column: Column) -> ModelSpec:
    columns = (column, Number("other", optional=True))
    metric, ingest = Metric("r2", minimum=0.0), Ingest(max_bad_row_rate=1.0)
    return ModelSpec(
        name="m", title="One column", columns=columns, target=Number("t"), metric=metric, ingest=ingest
    )


def _read(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (RelearnError, MalformedBodyError):
        return None


def readers(spec: ModelSpec, row: bytes, folder: Path) -> dict[str, Any]:
    """Give the value that each reader takes of a row, in a list; None of one that refuses it."""
    body = b'{"instances": [' + row + b"]}"

    def api() -> Any:
        given = request.Request(id="", path="", model="m", content_type="application/json", body=body)
        return check_request(spec, given.json())[0]["x"]

    found = {
        "API": _read(lambda: [api()]),
        "batch": _read(lambda: [next(iter(list(check_lines(spec, [row]))))["x"]]),
        "container": _read(lambda: [Reader(spec).parse(body)[0][0]]),
        "container, lines": _read(lambda: [Reader(spec).read_lines(row + b"\n")[0][0]]),
        "ingest": ingest(spec, row, folder),
    }
    assert len({_shown(spec.columns[0], one) for name, one in found.items() if name != "ingest"}) == 1, found
    return found


def _shown(column: Column, found: Any) -> str:
    """Write what a model sees of a value."""
    return "refused" if found is None else repr(from_values([column])([found]).tolist())


def ingest(spec: ModelSpec, row: bytes, folder: Path) -> Any:
    return ingest_file(spec, line_of(row), folder / "x.jsonl")[0]


def line_of(row: bytes) -> bytes:
    """Add the target to a row of JSON."""
    return (row[:-1] + b', "t": 1}' if row.endswith(b"}") and row != b"{}" else row) + b"\n"


def ingest_file(spec: ModelSpec, content: bytes | pa.Table, file: Path, rows: int = 1) -> list[Any]:
    """Give for each row of a file, of which the first is on the line ``2`` of CSV, the value that ingest takes; None of one it refuses."""
    folder = file.parent
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        pq.write_table(content, file)
    made = prepare(spec, file, file.name, folder / "work", threads=1)
    if made.shard is None:
        return [None] * rows
    value = "epoch_us(x)" if isinstance(spec.columns[0], DateTime) else "x"
    taken = duckdb.execute(f"SELECT {value} FROM '{made.shard}'").fetchall()  # noqa: S608
    refused = {row["line"] - (file.suffix == ".csv") for row in rejected(made)}
    found = iter(taken)
    return [None if number in refused else list(next(found)) for number in range(1, rows + 1)]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in TAKEN.items() for text in texts])
def test_a_value_that_one_takes_all_take(kind: str, text: str, tmp_path: Path) -> None:
    found = readers(spec_of(COLUMNS[kind]), b'{"x": ' + text.encode() + b"}", tmp_path)
    assert [name for name, one in found.items() if one is None] == []
    stored, given = found["ingest"][0], from_values([COLUMNS[kind]])([found["API"]])[0][0]
    if kind == "datetime":
        assert math.isclose(stored / 86_400e6 - 10957, given, rel_tol=1e-6)
    else:
        assert stored == given


@pytest.mark.parametrize(
    ("kind", "text"),
    [(kind, text) for kind, texts in REFUSED.items() for text in texts],
    ids=lambda text: text[:30],
)
def test_a_value_that_one_refuses_all_refuse(kind: str, text: str, tmp_path: Path) -> None:
    found = readers(spec_of(COLUMNS[kind]), b'{"x": ' + text.encode() + b"}", tmp_path)
    assert {name: one for name, one in found.items() if one is not None} == {}


@pytest.mark.parametrize("name", BODIES)
def test_a_row_that_one_refuses_all_refuse(name: str, tmp_path: Path) -> None:
    found = readers(spec_of(Number("x")), BODIES[name], tmp_path)
    assert {name: one for name, one in found.items() if one is not None} == {}


SPELLED = {
    "number": {"+1": "1", ".5": "0.5", "1.": "1.0", "01": "1", " 1 ": "1"},
    "boolean": {"TRUE": "true", "1": "true", "0": "false"},
    "datetime": {" 2026-05-04": "2026-05-04"},
}
"""What text may spell in more ways than JSON, and what JSON calls the same value."""


def text_of(written: str) -> str | None:
    """Give what a table of text holds where JSON has ``written``: of a string its characters, of all else what is written.

    That is None for null; text has no types, so "1" and 1 are one there.
    """
    try:
        value = json.loads(written)
    except ValueError:  # also of a number of more digits than Python reads
        return written
    return None if value is None else value if isinstance(value, str) else written


def json_of(kind: str, text: str) -> str:
    """Write in JSON what a text spells in a column of a type."""
    value = SPELLED.get(kind, {}).get(text, text)
    return value if kind in ("number", "boolean") else json.dumps(value)


def csv_of(texts: Sequence[str], quoting: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator="\n").writerows(
        [["x", "t"], *([text, 1] for text in texts)]
    )
    return out.getvalue().encode("utf-8", "surrogatepass")


def parquet_of(texts: Sequence[str]) -> pa.Table:
    raw = pa.array([text.encode("utf-8", "surrogatepass") for text in texts], pa.binary())
    return pa.table({"x": raw.view(pa.string()), "t": [1.0] * len(texts)})


def is_half(text: str) -> bool:
    """Tell whether a text holds half a character: no file of text can."""
    return text.encode("utf-8", "replace") != text.encode("utf-8", "surrogatepass")


def texts_of(kind: str) -> list[str]:
    """Give what tables of text hold where JSON has each value of the lists; of nothing, CSV and Parquet speak apart."""
    found = [text_of(written) for table in (TAKEN, REFUSED) for written in table[kind]]
    return [text for text in dict.fromkeys([*found, *SPELLED.get(kind, ())]) if text]


@pytest.mark.parametrize("kind", COLUMNS)
def test_tables_of_text_take_what_json_takes_of_the_value_that_they_spell(kind: str, tmp_path: Path) -> None:
    spec = spec_of(COLUMNS[kind])
    texts = [text for text in texts_of(kind) if not is_half(text)]
    lines = [b'{"x": ' + json_of(kind, text).encode() + b"}" for text in texts]
    expected = dict(
        zip(
            texts,
            ingest_file(spec, b"".join(map(line_of, lines)), tmp_path / "x.jsonl", len(texts)),
            strict=True,
        )
    )

    def found(content: bytes | pa.Table, name: str, of: Sequence[str] = texts) -> dict[str, Any]:
        return dict(zip(of, ingest_file(spec, content, tmp_path / name, len(of)), strict=True))

    assert found(parquet_of(texts), "x.parquet") == expected
    one_line = [text for text in texts if "\n" not in text]  # what is refused is named by its line
    assert found(csv_of(one_line, csv.QUOTE_ALL), "x.csv", one_line) == {
        text: expected[text] for text in one_line
    }
    bare = [text for text in texts if not set(text) & set('",\r\n')]
    assert found(csv_of(bare, csv.QUOTE_NONE), "y.csv", bare) == {text: expected[text] for text in bare}


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "\n", "\n\x1du\x1f\r"])
def test_csv_carries_the_ends_of_lines_in_quotes(text: str, tmp_path: Path) -> None:
    assert ingest_file(spec_of(COLUMNS["text"]), csv_of([text], csv.QUOTE_ALL), tmp_path / "x.csv") == [
        [text]
    ]


@pytest.mark.parametrize("text", ["\ud800", "\udc00x"])
def test_no_file_of_text_can_hold_half_a_character(text: str, tmp_path: Path) -> None:
    spec = spec_of(COLUMNS["text"])
    for content, name in ((csv_of([text], csv.QUOTE_ALL), "x.csv"), (parquet_of([text]), "x.parquet")):
        assert ingest_file(spec, content, tmp_path / name) == [None]


@pytest.mark.parametrize("kind", COLUMNS)
def test_csv_has_one_way_to_write_nothing_and_parquet_has_null_beside_the_empty_text(
    kind: str, tmp_path: Path
) -> None:
    column = replace(COLUMNS[kind], optional=True)
    spec, empty = spec_of(column), b'{"x": ""}'
    null = pa.table({"x": pa.array([None], pa.string()), "t": [1.0]})
    assert ingest_file(spec, b'x,t\n"",1\n', tmp_path / "x.csv") == [[None]]
    assert (
        ingest_file(spec, null, tmp_path / "x.parquet")
        == [ingest(spec, b'{"x": null}', tmp_path)]
        == [[None]]
    )
    assert ingest_file(spec, parquet_of([""]), tmp_path / "x.parquet") == [ingest(spec, empty, tmp_path)]


_AT = datetime(2026, 5, 4, 10, 0, 0, 123456, tzinfo=UTC)
_PLAIN = _AT.replace(tzinfo=None)
_YEAR_10000 = 253_402_300_800_000  # in milliseconds
NATIVE: list[tuple[str, pa.DataType, Any, str]] = [
    *(("number", kind, 1, "1") for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64())),
    ("number", pa.int64(), 16777217, "16777217"),
    ("number", pa.uint64(), 2**64 - 1, str(2**64 - 1)),
    ("number", pa.float32(), 0.1, "0.1"),
    ("number", pa.float64(), 0.1, "0.1"),
    ("number", pa.float64(), 1e-400, "1e-400"),
    ("number", pa.float64(), 4e38, "4e38"),
    ("number", pa.float64(), math.nan, "NaN"),
    ("number", pa.float32(), -math.inf, "-Infinity"),
    ("number", pa.decimal128(5, 2), Decimal("1.50"), "1.50"),
    ("number", pa.bool_(), True, "true"),
    ("number", pa.date32(), date(2026, 5, 4), '"2026-05-04"'),
    ("boolean", pa.bool_(), False, "false"),
    ("boolean", pa.float64(), 0.5, "0.5"),
    ("datetime", pa.timestamp("us", "UTC"), _AT, '"2026-05-04T10:00:00.123456Z"'),
    ("datetime", pa.timestamp("us", "Asia/Tokyo"), _AT.astimezone(timezone(timedelta(hours=9))), '"2026-05-04T19:00:00.123456+09:00"'),
    ("datetime", pa.timestamp("us"), _PLAIN, '"2026-05-04T10:00:00.123456"'),
    ("datetime", pa.timestamp("ns"), _PLAIN, '"2026-05-04T10:00:00.123456"'),
    ("datetime", pa.timestamp("ms"), _PLAIN.replace(microsecond=123000), '"2026-05-04T10:00:00.123"'),
    ("datetime", pa.timestamp("ms", "UTC"), _YEAR_10000 - 1, '"9999-12-31T23:59:59.999Z"'),
    ("datetime", pa.timestamp("ms", "UTC"), _YEAR_10000, '"10000-01-01"'),
    ("datetime", pa.date32(), date(2026, 5, 4), '"2026-05-04"'),
    ("datetime", pa.date32(), date(1, 1, 1), '"0001-01-01"'),
    ("datetime", pa.int64(), 1777852800, "1777852800"),
    ("text", pa.large_string(), "a\x1fb", '"a\\u001fb"'),
    ("category", pa.dictionary(pa.int32(), pa.string()), "a", '"a"'),
    ("category", pa.bool_(), True, "true"),
    ("id", pa.string(), "", '""'),
]  # fmt: skip
"""A type of Parquet, a value of it, and the same in JSON."""


@pytest.mark.parametrize(
    ("kind", "stored", "value", "written"), NATIVE, ids=lambda one: str(one)[:30].replace("\x1f", "US")
)
def test_types_of_parquet_are_taken_as_json_takes_the_same_value(
    kind: str, stored: pa.DataType, value: Any, written: str, tmp_path: Path
) -> None:
    spec = spec_of(COLUMNS[kind])
    plain = pa.string() if pa.types.is_dictionary(stored) else stored
    table = pa.table({"x": pa.array([value], plain).cast(stored), "t": [1.0]})
    taken = readers(spec, b'{"x": ' + written.encode() + b"}", tmp_path)
    assert ingest_file(spec, table, tmp_path / "x.parquet") == [taken["ingest"]]
    assert (taken["ingest"] is None) == (taken["API"] is None)


CHARSETS = [
    "application/json; charset=Shift_JIS",
    'application/json;charset="utf-16"',
    "application/json; Charset=iso-8859-1",
]


@pytest.mark.parametrize("media", CHARSETS)
def test_json_in_another_encoding_is_refused(media: str) -> None:
    given = request.Request(id="", path="", model="m", content_type=media, body=b"{}")
    with pytest.raises(MediaTypeError, match="charset"):
        request.refuse_encoding(given)
    assert content_type([(b"content-type", media.encode())]) == media


@pytest.mark.parametrize(
    "media", ["application/json", "application/json; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_utf8_may_be_said(media: str) -> None:
    given = request.Request(id="", path="", model="m", content_type=media, body=b"{}")
    request.refuse_encoding(given)
    assert given.json() == {}
    assert content_type([(b"content-type", media.encode())]) == "application/json"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "shift_jis"])
def test_bytes_that_are_not_utf8_are_refused_however_the_gateway_hands_them_over(encoding: str) -> None:
    raw = json.dumps({"x": "配達"}, ensure_ascii=False).encode(encoding)
    context = {"requestId": "1", "http": {"method": "POST"}}
    event = {
        "requestContext": context,
        "rawPath": "/",
        "routeKey": "",
        "headers": {"content-type": "application/json"},
    }
    whole = {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    with pytest.raises(MalformedBodyError, match="UTF-8"):
        request.refuse_encoding(request.parse_event({**event, **whole}))
    with pytest.raises(MalformedBodyError):
        request.parse_event({**event, "body": raw.decode(errors="replace")}).json()


def test_the_character_of_lost_bytes_can_be_meant() -> None:
    context = {"requestId": "1", "http": {"method": "POST"}}
    event = {
        "requestContext": context,
        "rawPath": "/",
        "routeKey": "",
        "headers": {"content-type": "application/json"},
    }
    assert request.parse_event({**event, "body": '{"x": "\\ufffd"}'}).json() == {"x": "\ufffd"}
