"""Files that are wrong in ways that only their size, their order or their sense shows."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

import pytest

from relearn.spec.model import Category, Ingest, Metric, ModelSpec, Number
from tests.support.prepare_data import Upload, make_spec, rejected, zipped

HEADER = "who,size,label\n"
COPY = ModelSpec(
    name="copy",
    title="A column that says the target",
    columns=(Number("size"), Category("seen", values=("low", "high"))),
    target=Category("label", values=("low", "high")),
    metric=Metric("accuracy", minimum=0.5),
    ingest=Ingest(),
)


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return Upload(tmp_path)


def rows(count: int) -> str:
    """Rows that no two of are the same."""
    rng = Random(7)
    return "".join(f"{rng.randrange(10**12)},{rng.uniform(-900, 900)!r},low\n" for _ in range(count))


def code(
    upload: Upload, content: str | bytes, name: str = "data.csv", spec: ModelSpec | None = None
) -> str | None:
    found = upload(content, name, spec).refusal
    return None if found is None else found.code


@pytest.mark.parametrize("order", list(itertools.permutations(("who", "size", "label"))))
def test_columns_may_come_in_any_order(upload: Upload, order: tuple[str, ...]) -> None:
    value = {"who": "a", "size": "1", "label": "low"}
    prepared = upload(f"{','.join(order)}\n{','.join(value[name] for name in order)}\n")
    assert (prepared.rows_accepted, prepared.refusal) == (1, None)


def test_one_bad_row_among_very_many_costs_that_row_and_is_named_by_its_line(upload: Upload) -> None:
    good = "a,1,low\n" * 100_000
    prepared = upload(f"{HEADER}{good}a,wide,low\n{good}", spec=make_spec(max_bad_row_rate=0.05))
    assert (prepared.rows_accepted, prepared.rows_rejected) == (200_000, 1)
    assert [row["line"] for row in rejected(prepared)] == [100_002]


def test_a_file_of_one_row_again_and_again_is_taken(upload: Upload) -> None:
    assert code(upload, HEADER + "a,1,low\n" * 100) is None


def test_gzip_that_unpacks_to_a_hundred_times_its_size_is_refused_while_it_is_read(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preparation.lines.RATIO_FROM", 10_000)
    prepared = upload(zipped(HEADER + "a,1,low\n" * 500_000), "x.csv.gz")
    assert prepared.refusal is not None
    assert prepared.refusal.code == "too_large"
    assert "at most 100 times its size" in prepared.refusal.detail


def test_gzip_of_rows_that_differ_is_taken_however_much_it_unpacks_to(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preparation.lines.RATIO_FROM", 10_000)
    assert code(upload, zipped(HEADER + rows(50_000)), "x.csv.gz") is None


def test_gzip_that_starts_with_nothing_but_blank_lines_is_given_up_early(upload: Upload) -> None:
    assert code(upload, zipped("\n" * 5_000_000 + HEADER + "a,1,low\n"), "x.csv.gz") == "format"
    assert code(upload, zipped("\n" * 50_000 + HEADER + "a,1,low\n"), "x.csv.gz") is None


@pytest.mark.parametrize(("count", "refused"), [(49, None), (50, "leakage")])
def test_a_column_that_equals_the_target_in_every_row_is_refused_when_it_is_no_chance(
    upload: Upload, count: int, refused: str | None
) -> None:
    lines = "".join(
        f"{number},{word},{word}\n" for number, word in zip(range(count), itertools.cycle(("low", "high")))
    )
    assert code(upload, "size,seen,label\n" + lines, spec=COPY) == refused
    other = lines.replace("0,low,low\n", "0,high,low\n", 1)
    assert code(upload, "size,seen,label\n" + other, spec=COPY) is None
