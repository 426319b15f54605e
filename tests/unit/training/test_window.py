"""The newest window of rows: where it begins, what is learnt and what is examined."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relearn.errors import DataError
from relearn.spec.model import (
    Boolean,
    Category,
    DateTime,
    Id,
    Metric,
    ModelSpec,
    Monthly,
    Number,
    Table,
    Training,
)
from relearn.spec.tables import AS_OF, HELD_OUT
from tests.support.training_kit import MIXED, write_shard
from training.data.dataset import Dataset
from training.data.learnt import Learner
from training.data.window import Window, newest
from training.features.check import wanted
from training.job import snapshot

START = datetime(2026, 1, 1, tzinfo=UTC)
LATEST = Training(time="at", evaluate="latest", days=20)
SPEC = ModelSpec(
    name="timed",
    title="Days",
    columns=(DateTime("at"), Number("size", optional=True)),
    target=Number("y"),
    metric=Metric("mae", maximum=9.0),
    training=LATEST,
)
WIDE = replace(SPEC, training=replace(LATEST, days=40))
SIDES = replace(SPEC, columns=(*SPEC.columns, Id("who")), entity="who")
DAYS: list[dict[str, Any]] = [
    {
        "at": START + timedelta(days=day),
        "size": day,
        "y": float(day % 7),
        "who": f"p{day % 10}",
        HELD_OUT: day % 4 == 0,
    }
    for day in range(100)
]


def load(
    folder: Path, spec: ModelSpec, days: list[dict[str, Any]], *learners: Learner, now: datetime | None = None
) -> Dataset:
    files = folder / f"shards{len(list(folder.iterdir()))}"
    write_shard(files / "a.parquet", (*spec.columns, spec.target, Boolean(HELD_OUT)), days)
    return snapshot.load(spec, files, learners=learners, now=now)


def days_of(rows: Any) -> list[int]:
    return [int(value) for value in rows.columns["size"]]


def learner(spec: ModelSpec, data: Dataset) -> Learner:
    return Learner(spec, data.learnt)


def test_the_newest_window_is_examined_and_only_older_rows_of_the_training_side_are_learnt(
    tmp_path: Path,
) -> None:
    data = load(tmp_path, SPEC, DAYS)
    assert days_of(data.holdout) == list(range(80, 100))
    assert days_of(data.train) == [day for day in range(80) if day % 4]
    assert data.aside is not None
    assert days_of(data.aside) == list(range(0, 80, 4))
    assert sorted(days_of(data.whole().train)) == list(range(100))
    assert data.latest is not None
    assert data.latest.words == (
        "the newest 20 days: after 2026-03-21T00:00:00Z, up to 2026-04-10T00:00:00Z; 20 of 20 rows examined, 20 rows of the "
        "snapshot neither learnt nor examined"
    )
    assert data.repeats.not_examined == 0


def test_a_champion_of_random_rows_is_examined_on_what_was_held_out_in_the_window_alone(
    tmp_path: Path,
) -> None:
    random = replace(SPEC, training=Training())
    champion = learner(random, load(tmp_path, random, DAYS[:95]))
    data = load(tmp_path, WIDE, DAYS, champion)
    assert days_of(data.holdout) == [*range(60, 95, 4), 95, 96, 97, 98, 99]
    assert days_of(data.train) == [day for day in range(60) if day % 4]
    assert data.latest is not None
    assert (data.latest.rows, data.latest.examined) == (40, 14)
    assert data.new is not None
    assert list(data.new) == [False] * 9 + [True] * 5


def test_as_the_window_moves_on_what_was_examined_is_learnt_and_no_champion_has_learnt_the_window(
    tmp_path: Path,
) -> None:
    champion = learner(SPEC, load(tmp_path, SPEC, DAYS[:90]))
    data = load(tmp_path, SPEC, DAYS, champion)
    assert days_of(data.holdout) == list(range(80, 100))
    assert data.new is not None
    assert list(data.new) == [False] * 10 + [True] * 10
    assert set(days_of(data.train)) >= {71, 73, 79}


def test_a_wider_window_examines_nothing_that_the_champion_has_learnt(tmp_path: Path) -> None:
    champion = learner(SPEC, load(tmp_path, SPEC, DAYS[:90]))
    wider = replace(SPEC, training=replace(LATEST, days=50))
    data = load(tmp_path, wider, DAYS, champion)
    assert days_of(data.holdout) == [*range(52, 70, 4), *range(70, 100)]
    assert max(days_of(data.train)) == 49


def test_back_to_random_rows_a_champion_of_a_window_is_examined_on_the_side_held_out(tmp_path: Path) -> None:
    champion = learner(SPEC, load(tmp_path, SPEC, DAYS[:90]))
    data = load(tmp_path, replace(SPEC, training=Training()), DAYS, champion)
    assert days_of(data.holdout) == list(range(0, 100, 4))
    assert data.latest is None


@pytest.mark.parametrize("lost", ["size", "record"])
def test_where_it_is_not_known_what_a_champion_has_learnt_the_side_held_out_alone_is_examined(
    tmp_path: Path, lost: str
) -> None:
    before = replace(SPEC, columns=(*SPEC.columns, Number("gone", optional=True)))
    record = load(tmp_path, SPEC, DAYS[:90]).learnt
    champion = Learner(before, record) if lost == "size" else Learner(SPEC, None)
    data = load(tmp_path, WIDE, DAYS, champion)
    assert not any(day % 4 for day in days_of(data.holdout))
    assert lost == "record" or days_of(data.holdout) == list(range(60, 100, 4))


def test_where_rows_name_an_entity_those_of_the_side_held_out_alone_are_examined(tmp_path: Path) -> None:
    days = [{**day, HELD_OUT: day["who"] in {"p0", "p3"}} for day in DAYS]
    data = load(tmp_path, replace(SIDES, training=replace(LATEST, days=50)), days)
    assert [day % 10 for day in days_of(data.holdout)] == [0, 3] * 5
    assert {day % 10 for day in days_of(data.train)} == {1, 2, 4, 5, 6, 7, 8, 9}
    assert max(days_of(data.train)) == 49


def test_a_row_dated_after_the_clock_is_not_learnt_and_does_not_move_the_window(tmp_path: Path) -> None:
    far = {**DAYS[1], "at": START + timedelta(days=9_000), "size": 1000}
    data = load(tmp_path, SPEC, [*DAYS, far], now=START + timedelta(days=120))
    assert days_of(data.holdout) == [*range(80, 100), 1000]
    assert max(days_of(data.train)) == 79


def test_a_window_with_too_few_rows_begins_earlier_and_says_so(tmp_path: Path) -> None:
    data = load(tmp_path, replace(SPEC, training=replace(LATEST, days=3)), DAYS)
    assert days_of(data.holdout) == list(range(90, 100))
    assert data.latest is not None
    assert data.latest.words.startswith(
        "the newest 3 days, extended as these had too few: after 2026-03-31T23:59:59Z"
    )
    assert data.latest.as_dict()["extended"] is True


def test_a_window_has_rows_of_every_class_and_leaves_the_older_half_of_each_to_learn_from() -> None:
    time = np.datetime64("2026-01-01", "us") + np.arange(100) * np.timedelta64(1, "D")
    rare = np.isin(np.arange(100), (5, 40, 60))
    spec = replace(MIXED, columns=(*MIXED.columns, DateTime("when")), training=replace(LATEST, time="when"))
    found = newest(spec, time, np.ones(100, dtype=bool), rare.astype(np.uint64), None)
    assert found is not None
    assert found.extended
    assert np.flatnonzero(found.holds(time)).tolist() == list(range(40, 100))


FLOWERS = replace(
    SPEC,
    target=Category("kind", values=("rose", "tulip", "fern")),
    metric=Metric("accuracy", minimum=0.1),
    training=Training(time="at", evaluate="latest", days=3),
)


def flowers(**kinds: list[int]) -> list[dict[str, Any]]:
    """Rows of days, 100 of them, with the days of each rare kind; the others are tulips."""
    of = {day: kind for kind, days in kinds.items() for day in days}
    return [{**day, "kind": of.get(int(day["size"]), "tulip"), HELD_OUT: False} for day in DAYS]


def test_a_class_that_died_out_does_not_keep_all_later_rows_from_being_learnt(tmp_path: Path) -> None:
    rows = flowers(rose=[1, 4, 6, 9, 12, 15, 40], fern=[3, 8, 70, 80, 90])
    data = load(tmp_path, FLOWERS, rows)
    assert days_of(data.holdout) == [9, 12, 15, 40, *range(70, 100)]
    assert days_of(data.train) == [day for day in range(70) if day not in {9, 12, 15, 40}]
    assert data.latest is not None
    assert data.latest.as_dict()["lost"] == {"rose": 4}
    assert data.latest.words == (
        "the newest 3 days, extended as these had too few: after 2026-03-11T23:59:59Z, up to 2026-04-10T00:00:00Z; "
        "30 of 30 rows examined, 0 rows of the snapshot neither learnt nor examined; of rose, without a row in the newest "
        "36 days, the newest 4 rows examined too"
    )


def test_for_a_rare_class_the_window_begins_earlier_but_by_twelve_windows_at_most(tmp_path: Path) -> None:
    data = load(tmp_path, FLOWERS, flowers(rose=[*range(0, 60, 3), 66], fern=[5, 7, 90, 91]))
    assert days_of(data.holdout) == list(range(64, 100))
    assert data.latest is not None
    assert data.latest.as_dict()["lost"] == {}


def test_a_private_class_that_died_out_is_not_named(tmp_path: Path) -> None:
    spec = replace(FLOWERS, target=replace(FLOWERS.target, private=True))
    data = load(tmp_path, spec, flowers(rose=[1, 4, 6], fern=[3, 8, 70, 80, 90]))
    assert data.latest is not None
    assert data.latest.as_dict()["lost"] == {"(private)": 2}


def test_what_is_examined_of_a_class_that_died_out_is_known_to_the_next_champion_and_never_learnt(
    tmp_path: Path,
) -> None:
    rows = flowers(rose=[1, 4, 6, 9], fern=[3, 8, 70, 80, 90])
    champion = learner(FLOWERS, load(tmp_path, FLOWERS, rows[:95]))
    data = load(tmp_path, FLOWERS, rows, champion)
    assert days_of(data.holdout)[:2] == [6, 9]
    assert data.new is not None
    assert not data.new[:2].any()


def test_a_window_that_begins_earlier_for_a_class_is_no_shorter_for_the_next_champion(tmp_path: Path) -> None:
    rows = flowers(rose=[*range(0, 30, 3), *range(64, 76, 2)], fern=[3, 8, 70, 80, 90])
    champion = learner(FLOWERS, load(tmp_path, FLOWERS, rows[:97]))
    found = load(tmp_path, FLOWERS, rows[:97], champion)
    assert days_of(found.holdout) == list(range(64, 97))


def test_too_few_rows_for_both_sides_are_refused_with_the_window(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        load(tmp_path, SPEC, DAYS[:1])
    assert raised.value.code == "too_few_rows"
    assert "the split keeps 0 of 1 rows for train (the newest 20 days: after 2025-12-12T00:00:00Z" in str(
        raised.value
    )


def test_a_row_of_features_is_learnt_only_if_its_target_was_known_before_the_window(tmp_path: Path) -> None:
    spec = replace(
        SIDES,
        columns=(Id("who"), Number("size")),
        tables=(Table("raw", columns=(Id("who"), DateTime("at")), time="at"),),
        moments=Monthly(table="raw", history_days=0, label_days=45),
        training=Training(holdout=0.3, evaluate="latest", days=20),
    )
    rows = [
        {"who": f"p{who}", "size": month, "y": 1.0, AS_OF: datetime(2026, month, 1, tzinfo=UTC)}
        for who in range(60)
        for month in range(1, 9)
    ]
    made = write_shard(tmp_path / "made.parquet", wanted(spec), rows)
    _, _, divided = snapshot.divide(spec, [made])
    months = np.array([row["size"] for row in rows])
    assert set(months[divided.examined]) == {8}
    assert set(months[divided.train]) == {1, 2, 3, 4, 5, 6}  # the target of July looks into August
    whose = np.array([row["who"] for row in rows])
    assert not set(whose[divided.examined]) & set(whose[divided.train])


def test_the_window_holds_what_is_after_its_start() -> None:
    at = np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[us]")
    window = Window(1, at[0], at[1], np.timedelta64(0, "D"))
    assert window.holds(at).tolist() == [False, True]
    assert window.precedes(at).tolist() == [True, False]
