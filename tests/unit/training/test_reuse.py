"""What was made for a moment is made again only when something it may see has changed; and it is the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest

from preparation import prepare
from relearn.errors import DataError
from relearn.spec.model import Category, DateTime, Id, Metric, ModelSpec, Monthly, Number, Table
from tests.support.training_kit import write_shard
from training.features import after, before, feature_set, onto
from training.features.feature_set import Code, FeatureSet, Paths
from training.features.shards import describe

SPEC = ModelSpec(
    name="shop",
    title="Who buys again",
    tables=(
        Table("people", columns=(Id("person"), DateTime("since")), key="person", time="since"),
        Table("orders", columns=(Id("person"), DateTime("at"), Number("amount")), time="at"),
    ),
    moments=Monthly(table="orders", history_days=30, label_days=10),
    entity="person",
    columns=(
        Id("person"),
        Number("orders", minimum=0),
        Number("spent", optional=True),
        DateTime("last", optional=True),
    ),
    target=Category("again", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.1),
)
PEOPLE = [{"person": name, "since": "2026-01-01"} for name in ("ann", "bob", "ツ")]
YEAR = [
    {"person": person, "at": f"2026-{month:02}-{day:02}T12:00:00Z", "amount": month + day / 7}
    for month in range(1, 7)
    for day, person in ((3, "ann"), (8, "bob"), (20, "ann"))
]
"""From 3 January to 20 June: of the months' starts, those of March to June have 30 days before and 10 after."""


def features(tables: Any) -> Any:
    people, orders = tables["people"], tables["orders"]
    spine = people.cross_join(tables["moments"])
    spine = spine.filter(spine["since"] <= spine["as_of"])
    known = before(spine, orders, on="person", time="at")
    done = known.group_by(["person", "as_of"]).aggregate(
        orders=known.count(), spent=known["amount"].sum(), last=known["at"].max()
    )
    coming = after(spine, orders, on="person", time="at", days=10)
    bought = coming.group_by(["person", "as_of"]).aggregate(bought=coming.count())
    made = onto(onto(spine, done, on="person"), bought, on="person")
    return made.select(
        "person", "as_of", "spent", "last",
        orders=made["orders"].fill_null(0),
        again=(made["bought"].fill_null(0) > 0).ifelse("yes", "no"),
    )  # fmt: skip


class Lake:
    """Shards in a folder, and runs that make features of them one after the other."""

    def __init__(self, folder: Path, spec: ModelSpec = SPEC) -> None:
        self.folder, self.spec, self.runs = folder, spec, 0
        self.files: dict[str, list[Path]] = {"people": [], "orders": []}
        self.code = folder / "code"
        self.code.mkdir()
        (self.code / "features.py").write_text("first = 1")

    def add(self, table: str, rows: Sequence[Mapping[str, Any]]) -> Path:
        path = self.folder / "shards" / table / f"{len(self.files[table])}.parquet"
        self.files[table].append(write_shard(path, self.spec.raw_columns(table), rows))
        return path

    def run(self, *, kept: bool = True) -> FeatureSet:
        self.runs += 1
        workdir = self.folder / f"work{self.runs}"
        workdir.mkdir()
        cache = self.folder / "cache" if kept else None
        paths = Paths(self.folder / "shards", workdir, cache, self.online)
        return feature_set.make(self.spec, Code(features, self.code), self.files, paths)

    @property
    def online(self) -> Path:
        return self.folder / f"online{self.runs}.jsonl"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.add("people", PEOPLE)
    lake.add("orders", YEAR)
    return lake


def moments(made: FeatureSet) -> tuple[int, int]:
    return made.facts["moments"]["made"], made.facts["moments"]["kept"]


def test_a_first_run_makes_every_moment_and_the_same_snapshot_none_again(lake: Lake) -> None:
    first, second = lake.run(), lake.run()
    assert (moments(first), moments(second)) == ((4, 0), (0, 4))
    assert first.facts["sha256"] == second.facts["sha256"]


def test_shards_of_which_every_moment_is_kept_are_not_read(lake: Lake) -> None:
    lake.run()
    lake.add("orders", [{"person": "ann", "at": "2026-06-25", "amount": 1}])
    spoil(lake.files["orders"][0])
    paths = Paths(lake.folder / "shards", lake.folder, lake.folder / "cache")
    assert moments(feature_set.make(SPEC, Code(features, lake.code), lake.files, paths)) == (0, 4)


def spoil(shard: Path) -> None:
    """Spoil the rows of a shard; what tells of them, its footer, stays as it is."""
    content = bytearray(shard.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    content[4:-footer] = bytes(len(content) - footer - 4)
    shard.write_bytes(content)
    with duckdb.connect() as connection, pytest.raises(duckdb.Error):
        connection.execute(f"SELECT sum(amount) FROM '{shard}'").fetchall()  # noqa: S608


def test_new_data_makes_the_moments_anew_that_may_see_it_and_no_other(lake: Lake) -> None:
    lake.run()
    lake.add(
        "orders", [{"person": "bob", "at": "2026-05-12", "amount": 2}]
    )  # after the days that May's target sees
    assert moments(lake.run()) == (1, 3)
    lake.add(
        "orders", [{"person": "bob", "at": "2026-05-11T00:00:00Z", "amount": 2}]
    )  # the last moment of them
    assert moments(lake.run()) == (2, 2)


def test_data_that_reaches_further_adds_moments(lake: Lake) -> None:
    lake.run()
    lake.add("orders", [{"person": "ann", "at": "2026-07-30", "amount": 1}])
    assert moments(lake.run()) == (1, 4)


def test_what_is_kept_is_what_would_be_made(lake: Lake) -> None:
    lake.run()
    lake.add("orders", [{"person": "ツ", "at": "2026-07-30", "amount": 0.1}])
    assert lake.run().facts["sha256"] == lake.run(kept=False).facts["sha256"]


@pytest.mark.parametrize("change", ["code", "spec", "people"])
def test_what_else_rows_hang_on_makes_them_anew(lake: Lake, change: str) -> None:
    lake.run()
    if change == "code":
        (lake.code / "features.py").write_text("second = 2")
    elif change == "spec":
        lake.spec = replace(SPEC, columns=(*SPEC.columns[:1], Number("orders"), *SPEC.columns[2:]))
    else:
        lake.add("people", [{"person": "dee", "since": "2026-01-05"}])
    assert moments(lake.run()) == (4, 0)


def test_the_estimators_code_changes_no_features(lake: Lake) -> None:
    lake.run()
    (lake.code / "model.py").write_text("other = 1")
    assert moments(lake.run()) == (0, 4)


def test_a_kept_file_that_is_not_what_it_was_is_made_anew(lake: Lake) -> None:
    first = lake.run()
    kept = min((lake.folder / "cache").glob("*.parquet"))
    kept.write_bytes(kept.read_bytes()[:-1])
    again = lake.run()
    assert moments(again) == (1, 3)
    assert again.facts["sha256"] == first.facts["sha256"]


def test_features_that_look_back_some_days_read_no_older_shards(tmp_path: Path) -> None:
    assert SPEC.moments is not None
    lake = Lake(tmp_path, replace(SPEC, moments=replace(SPEC.moments, lookback_days=40)))
    lake.add("people", [{**person, "since": "2026-05-20"} for person in PEOPLE])
    for month in range(1, 7):
        lake.add("orders", [order for order in YEAR if str(order["at"]).startswith(f"2026-{month:02}")])
    lake.run()
    lake.files["orders"][0] = write_shard(
        lake.files["orders"][0],
        SPEC.raw_columns("orders"),
        [{"person": "ann", "at": "2026-01-03", "amount": 99}],
    )
    assert moments(lake.run()) == (1, 3)  # of March to June, only 1 March looks back into January


def test_data_with_no_moment_to_learn_from_is_refused_with_its_reach(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.add("people", PEOPLE)
    lake.add("orders", YEAR[:4])
    with pytest.raises(
        DataError, match="orders reaches from 2026-01-03 to 2026-02-03; needed: the first of a month"
    ):
        lake.run()


def test_what_is_served_by_entity_is_what_features_are_at_the_last_moment(lake: Lake) -> None:
    made = lake.run()
    rows = [json.loads(line) for line in lake.online.read_text(encoding="utf-8").splitlines()]
    assert made.facts["online"]["rows"] == len(rows) == 3
    assert made.facts["online"]["as_of"] == "2026-06-20T12:00:00+00:00"
    assert rows[1] == {
        "as_of": "2026-06-20T12:00:00.000000Z",
        "person": "bob",
        "orders": 6.0,
        "spent": 27.85714340209961,  # float32, as training sees it
        "last": "2026-06-08T12:00:00.000000Z",
    }
    assert rows[2] == {**rows[1], "person": "ツ", "orders": 0.0, "spent": None, "last": None}


def test_features_of_other_moments_than_those_given_are_refused(lake: Lake) -> None:
    def early(tables: Any) -> Any:
        made = features(tables)
        return made.mutate(as_of=made["as_of"] - ibis.interval(days=1))

    with pytest.raises(
        DataError, match="3 rows speak of a moment that is not in moments, such as 2026-02-28"
    ):
        feature_set.make(SPEC, Code(early, lake.code), lake.files, Paths(lake.folder / "shards", lake.folder))


def test_shards_that_ingest_wrote_say_in_their_footer_what_they_hold(tmp_path: Path) -> None:
    def mark(name: str, rows: str) -> tuple[str, int]:
        source = tmp_path / f"{name}.csv"
        source.write_text(f"person,since\n{rows}", encoding="utf-8")
        shard = prepare(SPEC, source, source.name, tmp_path / name, table="people").shard
        assert shard is not None
        with duckdb.connect() as connection:
            (found,) = describe(connection, SPEC.tables[0], [shard])
        return found.fingerprint, found.rows

    first, same, other = (
        mark("one", "a,2026-01-01\nb,2026-01-02"),
        mark("two", "a,2026-01-01\nb,2026-01-02"),
        mark("three", "a,2026-01-01\nb,2026-01-03"),
    )
    assert first == same != other
    assert first[1] == 2
    assert len(first[0]) == 64
