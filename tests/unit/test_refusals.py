"""Every refusal of a file or of a row: the input that causes it, and what is said; none can be added without a line here."""

from __future__ import annotations

import ast
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lambdas
import training
from relearn.spec import Boolean, Category, DateTime, Id, Ingest, Metric, ModelSpec, Number, Text
from tests.unit.prepare_data import rejected
from training.prepare import prepare

MODULES = (
    *(Path(training.__file__).parent / "prepare").glob("*.py"),
    Path(lambdas.__file__).parent / "intake.py",
)
HEAD = b"size,label\n"
FILES: dict[str, tuple[str, bytes, str]] = {
    # name of the file to its content, and what is said
    "nothing": ("empty", b"", "the file has 0 bytes"),
    "white space": ("empty", b" \n\n", "the file holds nothing"),
    "a header alone": ("empty", HEAD, "the file has no rows"),
    "columns that are not the spec's": ("schema", b"size,colour\n1,a\n", "columns missing: label; unknown: colour"),
    "a column twice": ("schema", b"size,label,size\n1,a,2\n", "given twice: size"),
    "a column that is empty in every row": ("schema", HEAD + b",a\n,b\n", "columns missing: size in every row"),
    "rows longer than the header": ("format", HEAD + b"1,a,\n2,b,\n", "no row can be read: 3 fields; the header has 2 (in 2 rows, first on line 2)"),
    "rows shorter than the header": ("format", HEAD + b"1\n2\n", "no row can be read: 1 fields; the header has 2 (in 2 rows, first on line 2)"),
    "broken quotes in every row": ("format", HEAD + b'1,"a\n2,"b\n', "no row can be read: broken quotes"),
    "no object in any line": ("format", b"[1]\n", "JSON array"),
    "lines that are no JSON": ("format", b'{"size": 1,}\n', "no line is a JSON object"),
    "an Excel workbook": ("format", b"PK\x03\x04", "a zip archive or an Excel workbook"),
    "a carriage return alone": ("format", b"size\rlabel\n1,a\n", "bare carriage return"),
    "bytes that are not UTF-8": ("encoding", HEAD + b"1,\x93\n", "not UTF-8: byte 0x93 on line 2"),
    "UTF-16": ("encoding", "size,label\n1,a\n".encode("utf-16"), "it looks like UTF-16"),
    "a second mark of the byte order": ("schema", b"\xef\xbb\xbf" * 2 + HEAD + b"1,a\n", "columns missing: size"),
    "too many bad rows": ("bad_row_rate", HEAD + b"x,a\ny,b\n3,a\n", "Most often: size: not a number (in 2 rows, first on line 2)"),
    "one label": ("one_class", HEAD + b"1,a\n2,a\n", "every row has label 'a'"),
    "too few rows": ("too_few_rows", HEAD + b"1,a\n", "1 good rows; allowed: at least 2"),
    "too many bytes": ("too_large", HEAD + b"1,a\n" * 300, "allowed: at most 1000"),
    "too much within gzip": ("too_large", gzip.compress(HEAD + b"1,a\n" * 9000), "unpacks to more than"),
    "a column that is the target": ("leakage", b"size,label,copy\n" + b"1,a,a\n2,b,b\n" * 30, "copy equals label in each of 60 rows"),
}  # fmt: skip
ELSEWHERE = {
    "unknown_model": "tests/aws/test_ingest.py",
    "unknown_table": "tests/aws/test_tables.py",
    "too_slow": "tests/unit/test_prepare_bounds.py",
}
"""Codes that need more than a file, and where they are tried."""
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
    ("at", "2026-W01-1", "not an ISO 8601 date-time such as 2026-05-04T10:00:00Z, from year 1 to 9999"),
    ("at", "2026-05-04T24:00", "not an ISO 8601 date-time such as 2026-05-04T10:00:00Z, from year 1 to 9999"),
    ("note", "a" * 31, "31 characters; at most 30"),
    ("flag", "yes", "not true or false"),
    ("who", "a" * 21, "not a string of 1 to 20 characters"),
    ("label", "c", "not one of a, b"),
)
WHOLE: tuple[tuple[bytes, str], ...] = (
    (b"1,2", "2 fields; the header has 7"),
    (b'1,"2', "broken quotes: a quoted value is not closed, or text follows its closing quote"),
    (b"1,2\r3", "it holds a bare carriage return"),
    (b"1,\x00", "it holds a NUL byte"),
    (b"1,\x1f", "it holds the control character 0x1f"),
)
LINES: tuple[tuple[bytes, str], ...] = (
    (b"[1]", "not a JSON object"),
    (b'{"size": 1,}', "not a JSON object: a comma before a closing bracket"),
    (b'{"size": 1, "size": 2}', "a column is given twice"),
    (b'{"size": 1, "colour": 2}', "unknown columns: colour"),
    (b'{"size": 1} \x00', "not a JSON object: it holds a control character"),
)


def spec_of(**ingest: object) -> ModelSpec:
    return ModelSpec(
        name="m",
        title="t",
        columns=(Number("size"), Category("copy", values=("a", "b"), optional=True)),
        target=Category("label", values=("a", "b")),
        metric=Metric("accuracy", minimum=0.0),
        ingest=Ingest(**ingest),  # type: ignore[arg-type]
    )


def codes() -> set[str]:
    """Give every code that ingest can refuse a file with."""
    found = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("DataError", "Refusal"):
                found |= {str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant)}
    return found


def test_every_code_has_a_file_that_causes_it() -> None:
    assert codes() == {code for code, _, _ in FILES.values()} | set(ELSEWHERE)
    root = Path(training.__file__).parents[1]
    assert [
        code for code, file in ELSEWHERE.items() if code not in (root / file).read_text(encoding="utf-8")
    ] == []


@pytest.mark.parametrize("name", FILES)
def test_the_reason_is_what_was_found(name: str, tmp_path: Path) -> None:
    code, content, said = FILES[name]
    file = tmp_path / "x"
    file.write_bytes(content)
    rows = 2 if code == "too_few_rows" else 1
    most = 100 if name == "too much within gzip" else 1000
    refusal = prepare(spec_of(min_rows=rows, max_bytes=most), file, "x", tmp_path / "work", threads=1).refusal
    assert refusal is not None
    assert (refusal.code, said in refusal.detail) == (code, True), refusal


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


def test_every_wrong_value_is_told_with_its_line_and_its_reason(tmp_path: Path) -> None:
    good = {"who": "x", "size": "1", "free": "", "note": "", "flag": "", "at": "", "label": "a"}
    rows = [good, *({**good, column: value} for column, value, _ in VALUES)]
    file = tmp_path / "x.csv"
    file.write_text("\n".join([",".join(good), *(",".join(row.values()) for row in rows)]) + "\n", "utf-8")
    found = rejected(prepare(EVERY, file, file.name, tmp_path / "work", threads=1))
    told = [(row["line"], row["errors"][0]["column"], row["errors"][0]["reason"]) for row in found]
    assert told == [(line, column, said) for line, (column, _, said) in enumerate(VALUES, 3)]


@pytest.mark.parametrize(("rows", "suffix"), [(WHOLE, "csv"), (LINES, "jsonl")])
def test_every_row_that_can_not_be_read_is_told_so(
    rows: tuple[tuple[bytes, str], ...], suffix: str, tmp_path: Path
) -> None:
    good = {"who": "x", "size": 1, "free": None, "note": None, "flag": None, "at": None, "label": "a"}
    csv = ",".join(good).encode() + b"\nx,1,,,,,a"
    head = csv if suffix == "csv" else json.dumps(good).encode()
    file = tmp_path / f"x.{suffix}"
    file.write_bytes(b"\n".join([head, *(row for row, _ in rows)]) + b"\n")
    found = rejected(prepare(EVERY, file, file.name, tmp_path / "work", threads=1))
    assert [row["errors"][0]["reason"] for row in found] == [said for _, said in rows]


def test_a_parquet_file_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    for content, code, said in (
        (pa.table({"size": [[1.0]], "label": ["a"]}), "schema", "size is DOUBLE[]"),
        (b"PAR1" + b"\0" * 40, "format", "the Parquet file can not be read"),
    ):
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            pq.write_table(content, file)
        refusal = prepare(spec_of(), file, file.name, tmp_path / "work", threads=1).refusal
        assert refusal is not None
        assert (refusal.code, said in refusal.detail) == (code, True), refusal
