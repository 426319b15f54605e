"""Which rows are accepted, which are rejected and why, on rows good or bad by construction."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation import prepare
from relearn.spec.columns import DATE_TIME_ALLOWED, DECOMPOSED, Category
from relearn.spec.tables import LINE
from tests.support.examples import examples
from tests.support.prepare_data import (
    NAMES,
    Upload,
    as_csv,
    as_json_lines,
    as_parquet,
    expected,
    flaws,
    good_rows,
    make_spec,
    rejected,
    shard_lines,
    shard_rows,
    zipped,
)

some = examples(25)


@contextmanager
def uploading() -> Iterator[Upload]:
    with tempfile.TemporaryDirectory() as folder:
        yield Upload(Path(folder))


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return Upload(tmp_path)


@some
@given(
    rows=st.lists(good_rows, min_size=1, max_size=8),
    newline=st.sampled_from(["\n", "\r\n"]),
    bom=st.sampled_from([b"", codecs.BOM_UTF8]),
)
def test_good_values_come_out_of_csv_as_they_went_in(
    rows: list[dict[str, Any]], newline: str, bom: bytes
) -> None:
    content = bom + as_csv(rows, newline=newline).encode()
    with uploading() as upload:
        prepared = upload(content)
        assert (prepared.rows_accepted, prepared.rows_rejected, prepared.refusal) == (len(rows), 0, None)
        assert shard_rows(prepared.shard) == [expected(row) for row in rows]


@some
@given(rows=st.lists(good_rows, min_size=1, max_size=8))
def test_the_same_rows_give_the_same_shard_in_every_format_but_for_their_lines(
    rows: list[dict[str, Any]],
) -> None:
    with uploading() as upload:
        uploads = {
            "a.csv": as_csv(rows).encode(),
            "b.csv.gz": zipped(as_csv(rows)),
            "c.jsonl": as_json_lines(rows).encode(),
            "d.jsonl.gz": zipped(as_json_lines(rows)),
            "e.parquet": as_parquet(rows, upload.folder / "made.parquet"),
        }
        shards, values = {}, {}
        for name, content in uploads.items():
            prepared = upload(content, name)
            assert prepared.shard is not None, (name, prepared)
            shards[name] = prepared.shard.read_bytes()
            values[name] = all_but_lines(prepared.shard)
        assert shards["a.csv"] == shards["b.csv.gz"]
        assert shards["c.jsonl"] == shards["d.jsonl.gz"] == shards["e.parquet"]
        assert all(found == values["a.csv"] for found in values.values())


def all_but_lines(shard: Path) -> list[tuple[Any, ...]]:
    # times as text, because datetime has fewer years than a shard
    columns = f'* EXCLUDE ({LINE}) REPLACE (CAST("at" AS VARCHAR) AS "at")'
    return duckdb.execute(f"SELECT {columns} FROM '{shard}'").fetchall()  # noqa: S608


@some
@given(
    rows=st.lists(st.tuples(good_rows, st.none() | flaws), min_size=1, max_size=10),
    order=st.permutations(NAMES),
)
def test_each_bad_row_of_a_csv_is_named_by_its_line_column_value_and_reason(
    rows: list[tuple[dict[str, Any], tuple[str, tuple[Any, str]] | None]], order: list[str]
) -> None:
    written, good, lines, wanted, line = [], [], [], [], 2
    for row, flaw in rows:
        made = dict(row)
        if flaw is None:
            good.append(expected(row))
            lines.append(line)
        else:
            name, (value, reason) = flaw
            made[name] = value
            wanted.append(
                {"line": line, "errors": [{"column": name, "value": _shown(value), "reason": reason}]}
            )
        written.append(made)
        line += as_csv([made], order).count("\n") - 1
    with uploading() as upload:
        prepared = upload(as_csv(written, order))
        assert (prepared.rows_accepted, prepared.rows_rejected) == (len(good), len(wanted))
        assert rejected(prepared) == wanted
        if good:
            assert shard_rows(prepared.shard) == good
            assert shard_lines(prepared.shard) == lines


@pytest.mark.parametrize(
    ("name", "lines"), [("a.csv", [3, 5, 8]), ("b.jsonl", [2, 4, 6]), ("c.parquet", [1, 3, 4])]
)
def test_an_accepted_row_keeps_the_line_of_the_file_that_it_begins_on(
    upload: Upload, name: str, lines: list[int]
) -> None:
    good, bad = GOOD, {**GOOD, "size": 5000}
    broken = {**GOOD, "note": "two\n\nlines"}
    content: dict[str, str | bytes] = {
        "a.csv": as_csv([bad, good, bad, broken, good]),
        "b.jsonl": "\n" + as_json_lines([good, bad, good]) + "\n" + as_json_lines([broken]),
        "c.parquet": as_parquet([good, bad, broken, good], upload.folder / "made.parquet"),
    }
    assert shard_lines(upload(content[name], name).shard) == lines


def _shown(value: Any) -> str | None:
    return None if value is None else str(value)


GOOD = {"who": "a", "size": 1, "free": None, "note": None, "flag": None, "at": None, "label": "low"}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("size", "1.5", "not a number"),
        ("size", True, "not a number"),
        ("size", None, "missing"),
        ("size", [1], "not a number"),
        ("who", 7, "not a string of 1 to 20 characters"),
        ("who", "", "not a string of 1 to 20 characters"),
        ("flag", 1, "not true or false"),
        ("flag", "true", "not true or false"),
        ("note", 5, "not a string"),
        ("note", "a\0b", "holds a NUL character"),
        ("at", 1700000000, f"not {DATE_TIME_ALLOWED}"),
        ("at", " 2026-01-01", f"not {DATE_TIME_ALLOWED}"),
        ("label", "LOW", 'not one of low, high, very, say "high"'),
    ],
)
def test_json_values_must_have_their_json_type(
    upload: Upload, column: str, value: object, reason: str
) -> None:
    prepared = upload(as_json_lines([GOOD, {**GOOD, column: value}]), "x.jsonl")
    (row,) = rejected(prepared)
    assert row["line"] == 2
    assert [(error["column"], error["reason"]) for error in row["errors"]] == [(column, reason)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1, 2]", "not a JSON object: got an array; allowed: one object a line"),
        ("7", "not a JSON object: got a number; allowed: one object a line"),
        ('"a"', "not a JSON object: got a string; allowed: one object a line"),
        ("null", "not a JSON object: got null; allowed: one object a line"),
        ("true", "not a JSON object: got true or false; allowed: one object a line"),
        ("who,size", "not a JSON object: got text that is not JSON; allowed: one object a line"),
        ('{"who": "a"', "not a JSON object: got text that is not JSON; allowed: one object a line"),
        (
            '{"who": "a", "who": "b", "size": 1, "label": "low"}',
            "given twice: who; allowed: each column once",
        ),
        (
            '{"who": "a", "size": 1, "label": "low", "extra": 1, "Size": 2}',
            "unknown columns: extra, Size; allowed: who, size, free, note, flag, at, label",
        ),
    ],
)
def test_a_json_line_that_is_not_one_object_of_the_spec_is_rejected(
    upload: Upload, line: str, reason: str
) -> None:
    prepared = upload(as_json_lines([GOOD]) + "\n" + line + "\n" + as_json_lines([GOOD]), "x.jsonl")
    assert prepared.rows_accepted == 2
    assert rejected(prepared) == [{"line": 3, "errors": [{"column": None, "value": None, "reason": reason}]}]


@pytest.mark.parametrize("number", ["1", "-1.5", "+2", ".5", "5.", "1e2", "1E-3", " 7 ", "\t7", "007"])
def test_a_number_may_be_written_as_people_write_it(upload: Upload, number: str) -> None:
    prepared = upload(f"who,size,label\na,{number},low\n")
    assert [row[1] for row in shard_rows(prepared.shard)] == [pytest.approx(float(number))]


@pytest.mark.parametrize(
    ("word", "value"), [("TRUE", True), ("false", False), ("1", True), ("0", False), (" True ", True)]
)
def test_a_boolean_may_be_written_in_any_case(upload: Upload, word: str, value: bool) -> None:  # noqa: FBT001
    prepared = upload(f"who,size,label,flag\na,1,low,{word}\n")
    assert [row[4] for row in shard_rows(prepared.shard)] == [value]


@pytest.mark.parametrize(
    "moment",
    [
        "2026-05-04T12:00:00+02:00",
        "2026-05-04T10:00:00Z",
        "2026-05-04 10:00",
        "2026-05-04T10:00:00.000000999",
        "2026-05-04T12:00+02",
    ],
)
def test_a_date_time_is_one_moment_however_written(upload: Upload, moment: str) -> None:
    prepared = upload(f"who,size,label,at\na,1,low,{moment}\n")
    assert [row[5] for row in shard_rows(prepared.shard)] == [1_777_888_800_000_000]


@pytest.mark.parametrize(
    "moment",
    ["2026-05-04T24:00:00Z", "0000-01-01", "2026-05-04T10", "infinity", "2026-05-04T10:00:00+25:00", "epoch"],
)
def test_what_is_no_moment_is_rejected(upload: Upload, moment: str) -> None:
    assert upload(f"who,size,label,at\na,1,low,{moment}\n").rows_rejected == 1


def test_lines_are_counted_through_quoted_line_breaks_and_blank_lines(upload: Upload) -> None:
    prepared = upload('who,size,label,note\n\na,1,low,"one\ntwo\r\nthree"\n   \nb,wide,low,\n')
    assert shard_rows(prepared.shard)[0][3] == "one\ntwo\r\nthree"
    assert [row["line"] for row in rejected(prepared)] == [7]


def test_a_row_with_too_few_or_too_many_fields_is_rejected(upload: Upload) -> None:
    prepared = upload('who,size,label\na,1\nb,1,low,more\nc,1,low\n"d",1\n')
    assert prepared.rows_accepted == 1
    assert [(row["line"], row["errors"][0]["reason"]) for row in rejected(prepared)] == [
        (2, "2 fields; allowed: 3, as in the header"),
        (3, "4 fields; allowed: 3, as in the header"),
        (5, "2 fields; allowed: 3, as in the header"),
    ]


def test_a_stray_quote_costs_one_row_and_not_those_after_it(upload: Upload) -> None:
    prepared = upload('who,size,label\n"a,1,low\nb,1,low\n"c"x,1,low\nd,1,low\n"e,1,low\n')
    assert prepared.rows_accepted == 2
    assert [row["line"] for row in rejected(prepared)] == [2, 4, 6]
    assert all("broken quotes" in row["errors"][0]["reason"] for row in rejected(prepared))


def test_a_quote_inside_an_unquoted_value_is_part_of_it(upload: Upload) -> None:
    prepared = upload('who,size,label,note\na,1,low,5" pipe\n')
    assert shard_rows(prepared.shard)[0][3] == '5" pipe'


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("x\0y", "it holds a NUL byte; allowed: text without"),
        ('"x\0y"', "it holds a NUL byte; allowed: text without"),
        ("x\ry", "it holds a bare carriage return; allowed: lines that end with LF or CRLF"),
    ],
)
def test_a_row_with_a_byte_that_text_does_not_have_is_rejected(
    upload: Upload, cell: str, reason: str
) -> None:
    prepared = upload(f"who,size,label,note\na,1,low,\nb,1,low,{cell}\n")
    assert prepared.rows_accepted == 1
    assert rejected(prepared)[0]["errors"][0]["reason"] == reason


def test_every_wrong_value_of_a_row_is_reported(upload: Upload) -> None:
    (row,) = rejected(upload("who,size,label\n,wide,none\n"))
    assert [error["column"] for error in row["errors"]] == ["who", "size", "label"]


def test_a_parquet_row_is_named_by_its_number(upload: Upload) -> None:
    content = as_parquet([GOOD, {**GOOD, "size": float("nan")}, GOOD], upload.folder / "made.parquet")
    prepared = upload(content, "x.parquet")
    assert prepared.rows_accepted == 2
    assert rejected(prepared) == [
        {"line": 2, "errors": [{"column": "size", "value": "nan", "reason": "not a number"}]}
    ]


def test_rows_keep_their_order_and_batches_their_line_numbers(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preparation.sources.ROWS_PER_BATCH", 7)
    rows = [{**GOOD, "who": f"id{i}", "size": 5000 if i % 10 == 3 else i % 900} for i in range(200)]
    text = as_parquet(rows, upload.folder / "made.parquet")
    prepared = upload(text, "x.parquet")
    assert [row["line"] for row in rejected(prepared)] == list(range(4, 201, 10))
    assert [row[0] for row in shard_rows(prepared.shard)] == [f"id{i}" for i in range(200) if i % 10 != 3]


def test_many_batches_of_text_read_like_one(tmp_path: Path) -> None:
    source = tmp_path / "object"
    note = "x" * 30
    source.write_text(
        as_csv(
            [
                {**GOOD, "who": f"id{i}", "note": note, "size": 5000 if i % 10_000 == 9 else 1}
                for i in range(100_000)
            ]
        )
    )
    prepared = prepare(make_spec(), source, "x.csv", tmp_path / "small", memory_mb=16, threads=1)
    assert (prepared.rows_accepted, prepared.rows_rejected) == (99_990, 10)
    assert [row["line"] for row in rejected(prepared)] == [11 + 10_000 * i for i in range(10)]
    big = prepare(make_spec(), source, "x.csv", tmp_path / "big", memory_mb=512, threads=2)
    assert big.shard is not None
    assert prepared.shard is not None
    assert prepared.shard.read_bytes() == big.shard.read_bytes()


def test_ten_thousand_rejected_rows_are_written_and_all_are_counted(upload: Upload) -> None:
    prepared = upload("who,size,label\n" + "a,1,low\n" + "a,wide,low\n" * 10_500)
    assert prepared.rows_rejected == 10_500
    assert len(rejected(prepared)) == 10_000


def test_a_word_that_only_looks_like_one_that_is_allowed_is_told_so(tmp_path: Path) -> None:
    colour = Category("label", values=("caf\u00e9", "tea"))
    spec = replace(make_spec(), target=colour)
    source = tmp_path / "object"
    source.write_text("who,size,label\na,1,cafe\u0301\nb,1,milk\n", encoding="utf-8")
    rows = rejected(prepare(spec, source, "x.csv", tmp_path / "work", threads=1))
    decomposed, other = (row["errors"][0]["reason"] for row in rows)
    assert decomposed == f"not one of caf\u00e9, tea; {DECOMPOSED}"
    assert other == "not one of caf\u00e9, tea"
    assert str(colour.problem("cafe\u0301")).endswith(f"allowed: one of caf\u00e9, tea; {DECOMPOSED}")
    assert str(colour.problem("milk")).endswith("allowed: one of caf\u00e9, tea")
