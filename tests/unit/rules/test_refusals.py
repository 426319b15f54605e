"""Every refusal of a file or of a row: the input that causes it, and what is said; none can be added without a line here."""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import preparation
from preparation import Refusal, prepare, rules, sources
from preparation.lines import MAX_LINE
from preparation.sniff import MAX_BLANK
from preparation.sources import MAX_FOOTER
from preparation.unzip import MAX_MEMBERS
from relearn.spec.columns import COLUMN_TYPES, DATE_TIME_ALLOWED
from relearn.spec.model import (
    Boolean,
    Category,
    DateTime,
    Id,
    Ingest,
    Metric,
    ModelSpec,
    Monthly,
    Number,
    Ranking,
    Table,
    Text,
)
from tests.support import words_of_refusals
from tests.support.prepare_data import rejected
from tests.unit.preparation import test_bounds

PREPARE = Path(preparation.__file__).parent
HEAD = b"size,label\n"


class File(NamedTuple):
    """A file, why it is refused, and what is said; with what the spec asks for."""

    code: str
    content: bytes | pa.Table
    said: str
    name: str = "x"
    most: int = 1000
    """Bytes."""
    rows: int = 1
    seconds: float | None = None
    options: Any = None
    """Of pyarrow, for a table."""


def table(rows: int, label: str = "a", size: Any = 1.0) -> pa.Table:
    return pa.table({"size": [size] * rows, "label": [label] * rows})


FILES: dict[str, File] = {
    "nothing": File("empty", b"", "the file has 0 bytes"),
    "white space": File("empty", b" \n\n", "the file holds nothing"),
    "a header alone": File("empty", HEAD, "the file has no rows"),
    "columns that are not the spec's": File("schema", b"size,colour\n1,a\n", "columns missing: label; unknown: colour"),
    "unknown columns in every row": File("schema", b'{"size": 1, "label": "a", "": 1, "\\u001b[2J\\u0000": 2}\n', "columns unknown: (no name), \\x1b[2J\\x00 in every row; allowed: size, copy (optional), note (optional), label"),
    "a column twice": File("schema", b"size,label,size\n1,a,2\n", "given twice: size"),
    "a column that is empty in every row": File("schema", HEAD + b",a\n,b\n", "columns missing: size in every row"),
    "rows longer than the header": File("format", HEAD + b"1,a,\n2,b,\n", "no row can be read: 3 fields (in 2 rows, first on line 2); allowed: 2, as in the header; put values"),
    "rows shorter than the header": File("format", HEAD + b"1\n2\n", "no row can be read: 1 fields (in 2 rows, first on line 2); allowed: 2, as in the header; put values"),
    "broken quotes in every row": File("format", HEAD + b'1,"a\n2,"b\n', "no row can be read: broken quotes"),
    "no object in any line": File("format", b"[1]\n", "JSON array"),
    "lines that are no JSON": File("format", b'{"size": 1,}\n', "no line of the file is JSON as allowed: not a JSON object: got a comma before a closing bracket (in 1 row, first on line 1)"),
    "an Excel workbook": File("format", b"PK\x03\x04", "a zip archive or an Excel workbook"),
    "a carriage return alone": File("format", b"size\rlabel\n1,a\n", "bare carriage return"),
    "bytes that are not UTF-8": File("encoding", HEAD + b"1,\x93\n", "not UTF-8: byte 0x93 on line 2"),
    "UTF-16": File("encoding", "size,label\n1,a\n".encode("utf-16"), "it looks like UTF-16"),
    "a second mark of the byte order": File("schema", b"\xef\xbb\xbf" * 2 + HEAD + b"1,a\n", "columns missing: size"),
    "too many bad rows": File("bad_row_rate", HEAD + b"x,a\ny,b\n3,a\n", "Most often: size: not a number (in 2 rows, first on line 2)"),
    "one label": File("one_class", HEAD + b"1,a\n2,a\n", "every row has label 'a'"),
    "too few rows": File("too_few_rows", HEAD + b"1,a\n", "1 good rows; allowed: at least 2", rows=2),
    "too few rows, for others are bad": File("too_few_rows", HEAD + b"1,a\n" * 30 + b"x,a\n", "30 good rows and 1 that break the spec, most often size: not a number (in 1 row, first on line 32); allowed: at least 40", rows=40),
    "Parquet with ids or texts that are floats": File("schema", pa.table({"size": [1.0], "label": ["a"], "note": [7.0]}), "column note is DOUBLE, which has no one spelling and no missing values; allowed in ids and texts: strings or whole numbers; write them as such", most=9999),
    "too many bytes": File("too_large", HEAD + b"1,a\n" * 300, "allowed: at most 1000"),
    "too much within gzip": File("too_large", gzip.compress(HEAD + b"1,a\n" * 9000), "unpacks to more than", most=100),
    "a column that is the target": File("leakage", b"size,label,copy\n" + b"1,a,a\n2,b,b\n" * 30, "copy equals label in each of 60 rows"),
    "a gzip stream that is cut short": File("format", gzip.compress(HEAD + b"1,a\n")[:-20], "the gzip stream is corrupt", "x.csv.gz"),
    "a long gzip stream that is cut short": File("format", gzip.compress(HEAD + b"1,a\n" * 9000)[:-20], "corrupt after line", "x.csv.gz", most=9000),
    "gzip in a thousand members": File("format", gzip.compress(HEAD) + gzip.compress(b"") * MAX_MEMBERS, "pack the file in one piece", most=99_999),
    "gzip of next to nothing": File("too_large", gzip.compress(HEAD + (b" " * 9000 + b"1,a\n") * 2000), "upload it unpacked or as Parquet", most=9_999_999),
    "no gzip": File("format", HEAD, "x.csv.gz is named .gz but is not gzip", "x.csv.gz"),
    "gzip around Parquet": File("format", gzip.compress(b"PAR1"), "upload it plain"),
    "another format than the name says": File("format", b'{"size": 1}', "x.csv is named .csv but its content is JSON Lines", "x.csv"),
    "white space first": File("format", b" " * (MAX_BLANK + 9000) + HEAD, f"white space; allowed: {MAX_BLANK} at most", most=9_999_999),
    "a line without end": File("format", HEAD + b"1" * (MAX_LINE + 1), f"line 2 is longer than {MAX_LINE} bytes", most=9_999_999),
    "a header that is not closed": File("format", b'"size,label\n1,a\n', "the header on line 1 cannot be read"),
    "semicolons, as where numbers have a decimal comma": File("format", b"size;label\n1,5;a\n", "the header on line 1 is divided by semicolons; allowed: commas, and a point in numbers; save the file so"),
    "semicolons and quotes": File("format", b'"size";"label"\n1;a\n', "the header on line 1 is divided by semicolons; allowed: commas"),
    "tabs": File("format", b"\nsize\tlabel\n1\ta\n", "the header on line 2 is divided by tabs; allowed: commas", "x.csv"),
    "vertical bars": File("format", b"size|label\n1|a\n", "the header on line 1 is divided by vertical bars; allowed: commas"),
    "a NUL in the header": File("format", b"size,la\0bel\n1,a\n", "the header holds a NUL byte: ['size', 'la"),
    "more time than there is": File("too_slow", table(9), "longer than 0 s and was stopped", most=9999, seconds=0),
    "Parquet with lists": File("schema", table(1, size=[1.0]), "size is DOUBLE[]; allowed: numbers, strings"),
    "Parquet that is none": File("format", b"PAR1" + b"\0" * 40, "the Parquet file cannot be read"),
    "Parquet with text that is not UTF-8": File("encoding", pa.table({"size": [1.0], "label": pa.array([b"\x93"], pa.binary()).view(pa.string())}), "the Parquet file cannot be read", most=9999),
    "Parquet that is all metadata": File("too_large", b"PAR1" + b"\0" * (MAX_FOOTER + 1) + (MAX_FOOTER + 1).to_bytes(4, "little") + b"PAR1", f"allowed: {MAX_FOOTER}; write fewer columns", most=99_999_999),
    "Parquet with more values than bytes": File("too_large", table(9000), "9000 rows of 2 columns; allowed: 15000 values", most=1500),
    "Parquet that unpacks to much": File("too_large", table(99, "a" * 1000), "its metadata says; allowed: 50000", most=5000, options={"use_dictionary": False, "compression": "zstd"}),
    "Parquet with one long text again and again": File("too_large", table(99, "a" * 1000), "99000 bytes of text in 99 rows; allowed: 50000", most=5000),
}  # fmt: skip
ELSEWHERE = {
    r"its\ check\ needs\ more\ than": "test_what_needs_more_memory_and_disk_than_there_may_be_is_too_large",
}
"""Words that need more than a file, and the test that tries them."""
VALUES: tuple[tuple[str, str, str], ...] = (
    ("size", "", "missing"),
    ("size", "x", "not a number"),
    ("size", "1_000", "not a number"),
    ("size", "0x10", "not a number"),
    ("size", "\uff11", "not a number"),
    ("size", "nan", "not a number"),
    ("size", "-1", "below the minimum, 0"),
    ("size", "1e9", "above the maximum, 99999999"),
    ("free", "1e400", "not finite as float32"),
    ("at", "2026-W01-1", f"not {DATE_TIME_ALLOWED}"),
    ("at", "2026-05-04T24:00", f"not {DATE_TIME_ALLOWED}"),
    ("note", "a" * 31, "31 characters; at most 30"),
    ("flag", "yes", "not true or false"),
    ("who", "a" * 21, "not a string of 1 to 20 characters"),
    ("label", "c", "not one of a, b"),
)
JSON_VALUES: tuple[tuple[str, Any, str], ...] = (
    ("size", "1", "not a number"),
    ("note", 5, "not a string"),
    ("note", "a\0", "holds a NUL character"),
    ("flag", 1, "not true or false"),
    ("who", "a\0", "holds a NUL character"),
    ("who", None, "missing"),
    ("at", 1, f"not {DATE_TIME_ALLOWED}"),
    ("label", True, "not one of a, b"),
)
"""What only JSON can say wrong."""
WHOLE: tuple[tuple[bytes, str], ...] = (
    (b"1,2", "2 fields; allowed: 7, as in the header"),
    (
        b'1,"2',
        "broken quotes: a quoted value is not closed, or text follows its closing quote; allowed: a quote doubled within quotes",
    ),
    (b"1,2\r3", "it holds a bare carriage return; allowed: lines that end with LF or CRLF"),
    (b"1,\x00", "it holds a NUL byte; allowed: text without"),
)
LINES: tuple[tuple[bytes, str], ...] = (
    (b"[1]", "not a JSON object: got an array; allowed: one object a line"),
    (b'"x"', "not a JSON object: got a string; allowed: one object a line"),
    (b"1", "not a JSON object: got a number; allowed: one object a line"),
    (b"true", "not a JSON object: got true or false; allowed: one object a line"),
    (b"null", "not a JSON object: got null; allowed: one object a line"),
    (b"{", "not a JSON object: got text that is not JSON; allowed: one object a line"),
    (b'{"size": 1,}', "not a JSON object: got a comma before a closing bracket; allowed: none there"),
    (b'{"size": 1, "size": 2}', "given twice: size; allowed: each column once"),
    (b'{"size": 1, "colour": 2}', "unknown columns: colour; allowed: who, size, free, note, flag, at, label"),
    (
        b'{"": 1, "a\\u0000": 2}',
        "unknown columns: (no name), a?; allowed: who, size, free, note, flag, at, label",
    ),
    (
        json.dumps(dict.fromkeys("bcdefghijklm", 1)).encode(),
        "unknown columns: b, c, d, e, f, g, h, i, j, k and 2 more; allowed: who, size, free, note, flag, at, label",
    ),
    (b'{"size": 1} \x00', "not a JSON object: got the control character 0x00; allowed: its escape, \\u0000"),
)


def spec_of(**ingest: object) -> ModelSpec:
    return ModelSpec(
        name="m",
        title="t",
        columns=(
            Number("size"),
            Category("copy", values=("a", "b"), optional=True),
            Text("note", optional=True),
        ),
        target=Category("label", values=("a", "b")),
        metric=Metric("accuracy", minimum=0.0),
        ingest=Ingest(**ingest),  # type: ignore[arg-type]
    )


@cache
def refusal_of(name: str) -> Refusal | None:
    given = FILES[name]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / given.name
        if isinstance(given.content, bytes):
            file.write_bytes(given.content)
        else:
            pq.write_table(given.content, file, **(given.options or {}))
        spec = spec_of(min_rows=given.rows, max_bytes=given.most)
        work = Path(folder) / "work"
        return prepare(spec, file, given.name, work, threads=1, seconds=given.seconds).refusal


@pytest.mark.parametrize("name", FILES)
def test_the_reason_is_what_was_found(name: str) -> None:
    refusal = refusal_of(name)
    assert refusal is not None
    assert (refusal.code, FILES[name].said in refusal.detail) == (FILES[name].code, True), refusal


def test_the_one_label_of_a_file_is_not_shown_when_it_is_private(tmp_path: Path) -> None:
    spec = spec_of()
    (tmp_path / "x.csv").write_bytes(HEAD + b"1,a\n2,a\n")
    hidden = replace(spec, target=replace(spec.target, private=True))
    refusal = prepare(hidden, tmp_path / "x.csv", "x.csv", tmp_path / "work", threads=1).refusal
    assert refusal is not None
    assert refusal.detail == "every row has label (private); allowed: at least two different labels"


def test_every_refusal_in_the_code_has_a_file_that_causes_it() -> None:
    told = [refusal for refusal in map(refusal_of, FILES) if refusal is not None]
    found = [
        one
        for path in sorted(PREPARE.glob("*.py"))
        for one in words_of_refusals.calls(path, "DataError", "Refusal")
    ]
    assert len(found) > 20
    untold = [
        one
        for one in found
        for code in one.codes
        if not any(said.code == code and re.match(one.pattern, said.detail, re.DOTALL) for said in told)
    ]
    assert [one for one in untold if not any(one.pattern.startswith(words) for words in ELSEWHERE)] == []
    assert len(untold) == len(ELSEWHERE)
    assert all(callable(getattr(test_bounds, test)) for test in ELSEWHERE.values())


EVERY = ModelSpec(
    name="m",
    title="t",
    columns=(
        Id("who", max_length=20),
        Number("size", minimum=0, maximum=99999999),
        Number("free", optional=True),
        Text("note", max_length=30, optional=True),
        Boolean("flag", optional=True),
        DateTime("at", optional=True),
    ),
    target=Category("label", values=("a", "b")),
    metric=Metric("accuracy", minimum=0.0),
    ingest=Ingest(max_bad_row_rate=1.0, allow_one_class=True),
)


GOOD = {"who": "x", "size": 1, "free": None, "note": None, "flag": None, "at": None, "label": "a"}
NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
TIMED = ModelSpec(
    name="m",
    title="t",
    tables=(Table("orders", columns=(Id("who"), DateTime("at")), time="at"),),
    moments=Monthly(table="orders", history_days=30, label_days=30),
    entity="who",
    columns=(Id("who"), Number("spent")),
    target=Number("spends"),
    metric=Metric("r2", minimum=0.0),
    ingest=Ingest(max_bad_row_rate=1.0),
)
LATE = (
    "later than now, 2026-05-04T10:00:00+00:00, by more than the 24 hours that clocks may differ; send the row when its "
    "time has come"
)


def reasons(
    lines: Sequence[bytes], folder: Path, suffix: str, **options: Any
) -> list[tuple[int, str | None, str]]:
    """Give the line, the column and the reason of each row of a file that is refused."""
    file = folder / f"x.{suffix}"
    file.write_bytes(b"\n".join(lines) + b"\n")
    spec = options.pop("spec", EVERY)
    found = rejected(prepare(spec, file, file.name, folder / "work", threads=1, **options))
    return [(row["line"], row["errors"][0]["column"], row["errors"][0]["reason"]) for row in found]


def in_csv(row: dict[str, Any]) -> bytes:
    return ",".join("" if value is None else str(value) for value in row.values()).encode()


def test_every_wrong_value_is_told_with_its_line_and_its_reason(tmp_path: Path) -> None:
    rows = [in_csv(GOOD | {column: value}) for column, value, _ in VALUES]
    told = reasons([",".join(GOOD).encode(), in_csv(GOOD), *rows], tmp_path, "csv")
    assert told == [(line, column, said) for line, (column, _, said) in enumerate(VALUES, 3)]


def test_every_value_that_only_json_can_give_wrong_is_told_too(tmp_path: Path) -> None:
    rows = [GOOD, *(GOOD | {column: value} for column, value, _ in JSON_VALUES)]
    told = reasons([json.dumps(row).encode() for row in rows], tmp_path, "jsonl")
    assert told == [(line, column, said) for line, (column, _, said) in enumerate(JSON_VALUES, 2)]


def test_a_time_that_has_not_come_is_told_with_what_now_is(tmp_path: Path) -> None:
    rows = [b"who,at", b"a,2026-05-04", b"a,2030-01-01"]
    told = reasons(rows, tmp_path, "csv", spec=TIMED, table="orders", now=NOW)
    assert told == [(3, "at", LATE)]


def test_every_reason_against_a_value_in_the_code_has_a_value_that_causes_it() -> None:
    columns = {column.name: column for column in (*EVERY.columns, EVERY.target)}
    told = {(columns[name].type, said) for name, _, said in (*VALUES, *JSON_VALUES)} | {("datetime", LATE)}
    untold = [
        (column.type, words)
        for column in columns.values()
        for words in words_of_refusals.in_sql(rules.reason(column, "_t0", NOW))
        if not any(kind == column.type and words in said for kind, said in told)
    ]
    assert untold == []
    assert {column.type for column in columns.values()} == set(COLUMN_TYPES) - {Ranking.type}
    assert rules.reason(Ranking("x", max_length=20), "_t0") == rules.reason(Id("x", max_length=20), "_t0")


def test_every_reason_against_a_row_in_the_code_has_a_row_that_causes_it() -> None:
    told = [said for _, said in (*WHOLE, *LINES)]
    patterns = [one.pattern for one in words_of_refusals.calls(PREPARE / "staging.py", "_fault")]
    patterns += [
        re.escape(words)
        for words in words_of_refusals.in_sql(sources._json_fault((*EVERY.columns, EVERY.target)))
    ]
    assert len(patterns) > 7
    assert [one for one in patterns if not any(re.search(one, said) for said in told)] == []


@pytest.mark.parametrize(("rows", "suffix"), [(WHOLE, "csv"), (LINES, "jsonl")])
def test_every_row_that_can_not_be_read_is_told_so(
    rows: tuple[tuple[bytes, str], ...], suffix: str, tmp_path: Path
) -> None:
    head = [",".join(GOOD).encode(), in_csv(GOOD)] if suffix == "csv" else [json.dumps(GOOD).encode()]
    told = reasons([*head, *(row for row, _ in rows)], tmp_path, suffix)
    assert [said for *_, said in told] == [said for _, said in rows]
