"""Files that are small and cost much: each is refused with a reason, in bounded time, memory and disk."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from infra.base.settings import Settings
from preparation import Outcome, Refusal, prepare
from preparation.deadline import Deadline
from relearn.spec import policies
from relearn.spec.model import Category, Ingest, Metric, ModelSpec, Number
from tests.support.prepare_data import Upload, as_csv, as_json_lines, make_spec, rejected, zipped

HEADER = "who,size,label\n"
WIDE = ModelSpec(
    name="wide",
    title="Many columns",
    columns=tuple(Number(f"n{index}") for index in range(60)),
    target=Category("label", values=("low", "high")),
    metric=Metric("accuracy", minimum=0.5),
    ingest=Ingest(max_bad_row_rate=1.0, allow_one_class=True),
)
RICH_SPEC = replace(WIDE, columns=tuple(Number(f"n{index}") for index in range(150)))
RICH = [{f"n{index}": index + row for index in range(150)} | {"label": "low"} for row in range(3)]


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return Upload(tmp_path)


def refusal(prepared: Outcome) -> Refusal:
    assert prepared.refusal is not None
    return prepared.refusal


def parquet(path: Path, rows: int, note: str) -> bytes:
    """Rows that are all the same: Parquet keeps one, and how often."""
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'a' AS who, 1.5 AS size, ? AS note, 'low' AS label FROM range({rows})) "  # noqa: S608
            f"TO '{path}' (FORMAT parquet)",
            [note],
        )
    return path.read_bytes()


# time


def checked_within(tmp_path: Path, content: bytes, name: str, seconds: float) -> Refusal:
    source = tmp_path / "object"
    source.write_bytes(content)
    return refusal(prepare(make_spec(), source, name, tmp_path / "work", seconds=seconds))


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_that_takes_too_long_is_refused_and_says_how_far_its_check_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    monkeypatch.setattr("preparation.lines.LOOK_EVERY", 100)
    content = (HEADER + "a\n" * 100_000).encode()
    content = gzip.compress(content) if packed else content
    found = checked_within(tmp_path, content, "x.csv.gz" if packed else "x.csv", 1e-9)
    assert found.code == "too_slow"
    assert f"of {len(content)} bytes" in found.detail
    assert "split the file into smaller ones, or send it as Parquet" in found.detail


def test_parquet_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    content = parquet(tmp_path / "x", 10, "n")
    assert checked_within(tmp_path, content, "x.parquet", 1e-9).code == "too_slow"


def test_a_query_under_way_is_interrupted_when_the_time_is_up() -> None:
    with (
        duckdb.connect() as connection,
        Deadline(0.01).interrupting(connection.interrupt),
        pytest.raises(duckdb.InterruptException),
    ):
        connection.execute("SELECT sum(a.range * b.range) FROM range(100000) a, range(100000) b")


def test_a_check_that_is_done_in_time_is_not_disturbed(tmp_path: Path) -> None:
    source = tmp_path / "object"
    source.write_text(HEADER + "a,1,low\n")
    assert prepare(make_spec(), source, "x.csv", tmp_path / "work", seconds=600).refusal is None


def test_the_largest_upload_follows_from_the_rate_that_is_measured_and_the_time_that_ingest_has() -> None:
    half = policies.CHECKED_PER_SECOND * policies.CHECK_SECONDS * policies.CHECK_MARGIN
    assert half == policies.LARGEST_UPLOAD == Ingest().max_bytes
    assert Settings(stage="any").ingest_timeout_seconds == policies.CHECK_SECONDS


# gzip


def test_gzip_of_very_many_empty_members_is_refused(upload: Upload) -> None:
    content = zipped(HEADER + "a,1,low\n") + gzip.compress(b"") * 5000
    found = refusal(upload(content, "x.csv.gz"))
    assert found.code == "format"
    assert "more than 1000 members" in found.detail


def test_gzip_of_many_members_as_tools_write_them_is_taken(upload: Upload) -> None:
    rows = [zipped(f"{number:020},1.23456,low\n" * 150) for number in range(1100)]
    prepared = upload(zipped(HEADER) + b"".join(rows) + gzip.compress(b"") + b"\0" * 512, "x.csv.gz")
    assert (prepared.refusal, prepared.rows_accepted) == (None, 1100 * 150)


# Parquet


def test_parquet_whose_texts_grow_beyond_what_is_allowed_is_refused_before_they_are_read(
    upload: Upload, tmp_path: Path
) -> None:
    content = parquet(tmp_path / "x", 2000, "n" * 5000)
    found = refusal(upload(content, "x.parquet", make_spec(max_bytes=len(content))))
    assert found.code == "too_large"
    assert f"{len(content)} bytes of Parquet hold 100" in found.detail


def test_long_texts_in_parquet_are_checked_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preparation.sources.LEAST_PER_BATCH", 10)
    source = tmp_path / "object"
    source.write_bytes(parquet(tmp_path / "x", 100, "n" * 100_000))
    prepared = prepare(make_spec(), source, "x.parquet", tmp_path / "work", memory_mb=64)
    assert prepared.rows_rejected == 100


def test_parquet_with_too_much_metadata_is_refused_unread(
    upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preparation.sources.MAX_FOOTER", 100)
    found = refusal(upload(parquet(tmp_path / "x", 10, "n"), "x.parquet"))
    assert found.code == "too_large"
    assert "metadata" in found.detail


def test_what_needs_more_memory_and_disk_than_there_may_be_is_too_large(tmp_path: Path) -> None:
    source = tmp_path / "object"
    source.write_text(HEADER + "".join(f"{number:020},1,low\n" for number in range(100_000)))
    prepared = prepare(make_spec(), source, "x.csv", tmp_path / "work", memory_mb=2, disk_mb=1, threads=1)
    assert refusal(prepared).code == "too_large"


# many columns


def wide_rows(count: int) -> list[dict[str, object]]:
    """Rows of `WIDE`, each with one wrong value: in its first column, its second, and so on."""
    names = [column.name for column in WIDE.columns]
    return [
        {"label": "low", **{n: "x" if at == row % 60 else 1.5 for at, n in enumerate(names)}}
        for row in range(count)
    ]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_row_of_many_columns_needs_little_memory(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "object"
    source.write_text(as_json_lines(RICH) if suffix == "jsonl" else as_csv(RICH, list(RICH[0])))
    prepared = prepare(RICH_SPEC, source, f"x.{suffix}", tmp_path / "work", memory_mb=100, threads=1)
    assert (prepared.refusal, prepared.rows_accepted) == (None, 3)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_of_many_columns_each_row_is_told_its_own_wrong_value(
    upload: Upload, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr("preparation.checker.ROWS_AT_ONCE", 100)
    rows = wide_rows(130)
    text = as_json_lines(rows) if suffix == "jsonl" else as_csv(rows, list(rows[0]))
    told = [
        [error["column"] for error in row["errors"]] for row in rejected(upload(text, f"x.{suffix}", WIDE))
    ]
    assert told == [[f"n{row % 60}"] for row in range(130)]


# what is told


def test_long_names_of_unknown_columns_are_cut_in_the_reason_and_in_every_row(upload: Upload) -> None:
    line = json.dumps({f"{number}{'k' * 50_000}": 1 for number in range(12)}) + "\n"
    prepared = upload(line * 20, "x.jsonl")
    assert len(refusal(prepared).detail.encode()) < 2000
    (first, *_) = rejected(prepared)
    assert len(json.dumps(first)) < 1000
    assert prepared.rejected is not None
    assert prepared.rejected.stat().st_size < 20_000


def test_a_header_of_very_many_columns_is_refused_with_the_first_and_a_count(upload: Upload) -> None:
    found = refusal(upload(",".join(f"c{number}" for number in range(100_000)) + "\n1\n"))
    assert found.code == "schema"
    assert len(found.detail) < 2000
    assert "more; allowed: who, size" in found.detail


def test_rejected_rows_are_written_up_to_a_weight_and_all_counted(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preparation.checker.MAX_REJECTED_BYTES", 3000)
    prepared = upload(HEADER + "a,wide,low\n" * 1000 + "b,1,low\n")
    assert prepared.rows_rejected == 1000
    assert prepared.rejected is not None
    assert 2000 < prepared.rejected.stat().st_size <= 3000


def test_of_a_row_with_very_many_wrong_values_some_are_shown_and_the_others_counted(upload: Upload) -> None:
    content = ",".join([*(f"n{index}" for index in range(60)), "label"]) + "\n" + "x," * 60 + "low\n"
    (row,) = rejected(upload(content, spec=WIDE))
    assert len(row["errors"]) == 21
    assert row["errors"][-1]["reason"] == "and 40 more wrong values"


@pytest.mark.parametrize("last", ["", ","])
@pytest.mark.parametrize("name", ["a", "who"])
def test_very_deep_json_is_a_bad_row_and_nothing_worse(upload: Upload, name: str, last: str) -> None:
    deep = f'{{"{name}":' + "[" * 200_000 + "]" * 200_000 + last + "}\n"
    prepared = upload(deep + '{"who": "a", "size": 1, "label": "low"}\n', "x.jsonl")
    assert (prepared.rows_accepted, prepared.rows_rejected) == (1, 1)
