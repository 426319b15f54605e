from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from relearn.errors import DataError
from relearn.spec.model import DateTime, Id, ModelSpec, Number
from relearn.spec.model import Table as Raw
from relearn.spec.tables import LINE
from tests.support.examples import examples
from tests.support.training_kit import MIXED, NUMBERS, REGRESSION, write_shard
from training.data.split import earlier_key, side_expression
from training.features.check import wanted
from training.job import snapshot

ALL = (*MIXED.columns, MIXED.target)


def held_out(spec: ModelSpec, folder: Path, rows: list[dict[str, Any]]) -> list[bool]:
    path = write_shard(folder / "split.parquet", (*spec.columns, spec.target), rows)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT {side_expression(spec, ())} FROM '{path}'").fetchall()  # noqa: S608
    return [side for (side,) in found]


def numbers(*values: float, outcome: str = "no") -> dict[str, Any]:
    return {**dict(zip("abc", values, strict=True)), "outcome": outcome}


def many(count: int, spec: ModelSpec = NUMBERS) -> list[dict[str, Any]]:
    rows = [numbers(index, index / 3, -index, outcome=("no", "yes")[index % 2]) for index in range(count)]
    return rows if spec is NUMBERS else [{**row, "y": float(row["a"])} for row in rows]


@examples(30, HealthCheck.function_scoped_fixture)
@given(others=st.lists(st.tuples(*[st.floats(-9, 9, width=32)] * 3), max_size=5), at=st.integers(0, 5))
def test_a_row_stays_on_its_side_whatever_else_is_in_the_snapshot(
    tmp_path: Path, others: list[tuple[float, float, float]], at: int
) -> None:
    row, rows = numbers(0.1, 2.5, -3.0), [numbers(*other) for other in others]
    place = min(at, len(rows))
    alone = held_out(NUMBERS, tmp_path, [row])
    assert held_out(NUMBERS, tmp_path, [*rows[:place], row, *rows[place:]])[place] == alone[0]


def test_the_target_does_not_move_a_row(tmp_path: Path) -> None:
    rows = many(50)
    turned = [{**row, "outcome": "yes" if row["outcome"] == "no" else "no"} for row in rows]
    assert held_out(NUMBERS, tmp_path, rows) == held_out(NUMBERS, tmp_path, turned)


def test_minus_zero_is_zero(tmp_path: Path) -> None:
    rows = [numbers(index, 0.0, 1.0) for index in range(40)]
    turned = [{**row, "b": -0.0} for row in rows]
    assert held_out(NUMBERS, tmp_path, rows) == held_out(NUMBERS, tmp_path, turned)


def test_the_rows_of_an_entity_stay_together(tmp_path: Path) -> None:
    spec = replace(MIXED, entity="who")
    rows = [{"who": f"patient {index // 4}", "size": index, "outcome": "no"} for index in range(80)]
    sides = held_out(spec, tmp_path, rows)
    assert all(len(set(sides[start : start + 4])) == 1 for start in range(0, 80, 4))
    assert len(set(sides)) == 2


def test_the_share_held_out_is_near_what_the_spec_says(tmp_path: Path) -> None:
    sides = held_out(NUMBERS, tmp_path, [numbers(index, index / 7, 1.0) for index in range(2000)])
    assert 0.45 < sum(sides) / len(sides) < 0.55


def test_the_side_is_the_md5_of_a_canonical_text_that_any_language_can_write(tmp_path: Path) -> None:
    row = {
        "who": "x",
        "size": 0.1,
        "colour": "red",
        "note": "a b",
        "fresh": True,
        "at": "2026-01-02T03:04:05Z",
    }
    text = "0.100000001\x1fred\x1fa b\x1ftrue\x1f1767323045000000"
    share = int(hashlib.md5(text.encode()).hexdigest()[:8], 16) / 2**32  # noqa: S324 - a split, not a secret
    path = write_shard(tmp_path / "row.parquet", ALL, [{**row, "outcome": "no"}])
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT {earlier_key(MIXED)} FROM '{path}'").fetchall()  # noqa: S608
    assert found == [(text,)]
    assert held_out(MIXED, tmp_path, [{**row, "outcome": "no"}]) == [share < 0.5]


def test_shards_are_read_as_one_and_ids_are_no_features(tmp_path: Path) -> None:
    rows = [
        {"who": f"{index}", "size": index, "note": "x" * index, "outcome": ("no", "yes")[index % 2]}
        for index in range(40)
    ]
    write_shard(tmp_path / "a.parquet", ALL, rows[:25])
    write_shard(tmp_path / "b.parquet", ALL, rows[25:])
    data = snapshot.load(MIXED, tmp_path)
    assert len(data.train) + len(data.holdout) == 40
    assert data.shards == 2
    assert list(data.train.columns) == ["size", "colour", "note", "fresh", "at", "at_time"]
    sizes = np.concatenate([data.train.columns["size"], data.holdout.columns["size"]])
    assert sorted(sizes.tolist()) == list(range(40))


def test_a_column_the_spec_got_later_is_missing_in_older_shards_when_it_is_optional(tmp_path: Path) -> None:
    older = replace(NUMBERS, columns=NUMBERS.columns[:2])
    write_shard(tmp_path / "old.parquet", (*older.columns, older.target), many(40))
    spec = replace(NUMBERS, columns=(*older.columns, Number("c", optional=True)))
    data = snapshot.load(spec, tmp_path)
    assert np.isnan(data.train.columns["c"]).all()


def test_a_column_the_spec_demands_must_have_a_value_in_every_row(tmp_path: Path) -> None:
    write_shard(
        tmp_path / "a.parquet", (*NUMBERS.columns, NUMBERS.target), [*many(40), {"a": 1, "outcome": "no"}]
    )
    with pytest.raises(DataError, match="1 of 41 rows have no b") as raised:
        snapshot.load(NUMBERS, tmp_path)
    assert raised.value.code == "schema"


def test_rows_of_a_class_that_the_spec_no_longer_has_are_neither_learnt_nor_examined(tmp_path: Path) -> None:
    more = [numbers(at, 1, 1, outcome="maybe") for at in range(9)]
    write_shard(tmp_path / "a.parquet", (*NUMBERS.columns, NUMBERS.target), [*many(40), *more])
    data = snapshot.load(NUMBERS, tmp_path)
    assert {*data.train.target, *data.holdout.target} == {"no", "yes"}
    assert len(data.train) + len(data.holdout) == 40
    assert data.repeats.removed_classes == {"maybe": 9}
    assert "9 rows of maybe not used: the spec no longer has this class" in data.repeats.words()


def test_a_label_of_features_that_the_spec_does_not_know_is_refused(tmp_path: Path) -> None:
    spec = replace(
        NUMBERS,
        columns=(Id("who"), *NUMBERS.columns),
        entity="who",
        tables=(Raw("raw", columns=(Id("who"), DateTime("at")), time="at"),),
    )
    rows = [
        {**row, "who": f"p{at}", "as_of": "2026-05-04"}
        for at, row in enumerate([*many(40), *(numbers(at, 1, 1, outcome="maybe") for at in range(9))])
    ]
    made = write_shard(tmp_path / "a.parquet", wanted(spec), rows)
    with pytest.raises(DataError, match="'maybe'; allowed: one of no, yes"):
        snapshot._read(spec, [made])


def test_a_private_class_that_the_spec_no_longer_has_is_not_shown(tmp_path: Path) -> None:
    spec = replace(NUMBERS, target=replace(NUMBERS.target, private=True))
    rows = [*many(40), numbers(1, 1, 1, outcome="maybe")]
    write_shard(tmp_path / "a.parquet", (*spec.columns, spec.target), rows)
    assert snapshot.load(spec, tmp_path).repeats.removed_classes == {"(private)": 1}


def test_a_side_without_a_class_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "outcome": "no"} for row in many(40)]
    write_shard(tmp_path / "a.parquet", (*NUMBERS.columns, NUMBERS.target), rows)
    with pytest.raises(DataError, match="none of them yes") as raised:
        snapshot.load(NUMBERS, tmp_path)
    assert raised.value.code == "missing_class"


@pytest.mark.parametrize("spec", [NUMBERS, REGRESSION])
def test_a_snapshot_with_nothing_to_measure_on_is_refused(tmp_path: Path, spec: ModelSpec) -> None:
    write_shard(tmp_path / "a.parquet", (*spec.columns, spec.target), many(1, spec))
    with pytest.raises(DataError) as raised:
        snapshot.load(spec, tmp_path)
    assert raised.value.code == "too_few_rows"


@pytest.mark.parametrize("spec", [NUMBERS, REGRESSION])
def test_rows_that_are_all_the_same_leave_nothing_to_measure_on_and_are_refused(
    tmp_path: Path, spec: ModelSpec
) -> None:
    write_shard(tmp_path / "a.parquet", (*spec.columns, spec.target), many(1, spec) * 200)
    with pytest.raises(DataError, match="too few rows to train and to measure; upload more") as raised:
        snapshot.load(spec, tmp_path)
    assert raised.value.code == "too_few_rows"


def test_a_snapshot_without_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the snapshot has no shard: nothing to train numbers on") as raised:
        snapshot.load(NUMBERS, tmp_path)
    assert raised.value.code == "empty"


def test_a_damaged_shard_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"the shards do not fit the spec of numbers: .*a\.parquet") as raised:
        snapshot.load(NUMBERS, tmp_path)
    assert raised.value.code == "format"


def test_rows_know_the_line_of_their_file_where_their_shard_has_it(tmp_path: Path) -> None:
    columns = (*NUMBERS.columns, NUMBERS.target)
    rows = many(40)
    write_shard(tmp_path / "a.parquet", columns, rows[:20])
    lined = [{**row, LINE: 5 + 2 * at} for at, row in enumerate(rows[20:])]
    write_shard(tmp_path / "b.parquet", (*columns, Number(LINE)), lined)
    found = snapshot.load(NUMBERS, tmp_path)
    lines: dict[float, int] = {}
    for table, line in ((found.train, found.train_line), (found.holdout, found.holdout_line)):
        assert line is not None
        lines |= dict(zip(table.columns["a"].tolist(), line.tolist(), strict=True))
    assert lines == {float(at): 0 if at < 20 else 5 + 2 * (at - 20) for at in range(40)}


def test_the_fingerprint_is_of_what_the_shards_hold_not_of_their_names(tmp_path: Path) -> None:
    first = write_shard(tmp_path / "a.parquet", (*NUMBERS.columns, NUMBERS.target), many(4))
    second = write_shard(tmp_path / "b.parquet", (*NUMBERS.columns, NUMBERS.target), many(5))
    renamed = Path(shutil.copy(first, tmp_path / "z.parquet"))
    assert snapshot.fingerprint([first, second]) == snapshot.fingerprint([second, renamed])
    assert snapshot.fingerprint([first, second]) != snapshot.fingerprint([first])
