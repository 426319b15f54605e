"""No version is examined on what it learnt, no accepted row moves, and a row that comes again counts once."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import strategies as st

from preparation import prepare
from relearn.data import snapshots
from relearn.errors import ArtifactError, DataError, SpecError
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.spec.model import (
    Boolean,
    Column,
    DateTime,
    Id,
    Ingest,
    ModelSpec,
    Number,
    Table,
    Text,
    Training,
)
from relearn.spec.tables import HELD_OUT, MAIN
from tests.support.examples import examples
from tests.support.training_kit import MIXED, write_shard
from training.data.learnt import Learner, Learnt
from training.data.window import FURTHEST, LEAST
from training.features.check import wanted
from training.job import snapshot

Row = dict[str, Any]
SPEC = replace(
    MIXED,
    name="changing",
    columns=(Number("a", optional=True), Text("b", optional=True), Number("c", optional=True)),
    ingest=Ingest(max_bad_row_rate=1.0, allow_one_class=True),
    training=Training(holdout=0.4),
)
TIMED = replace(
    SPEC,
    columns=(*SPEC.columns, DateTime("t")),
    training=Training(holdout=0.4, time="t", evaluate="latest", days=10),
)
"""The same with a time of each row, and the newest ten days as the window that is examined."""
CLOCK = datetime(2026, 4, 1, tzinfo=UTC)
TYPES: dict[str, type[Column]] = {"number": Number, "text": Text, "boolean": Boolean, "id": Id}
VALUES: dict[type[Column], list[Any]] = {
    Number: [None, 0, 1, 5],
    Text: [None, "0", "1", "5", "x"],
    Boolean: [None, True, False],
    Id: [None, "ann", "bob", "cy"],
    DateTime: [None, *(f"2026-0{month}-{day:02}" for month in (1, 2, 3) for day in (1, 5, 9, 14, 28))],
}


@dataclass
class Version:
    """A trained version: its spec, its record, and the rows that it learnt."""

    spec: ModelSpec
    learnt: Learnt
    rows: list[Row]

    def knows(self, row: Row, spec: ModelSpec) -> bool:
        """Whether it learnt a row that is, for it, the same as a row of ``spec``."""
        return any(self._is_same(row, other, spec) for other in self.rows)

    def _is_same(self, row: Row, other: Row, spec: ModelSpec) -> bool:
        entity = self.spec.entity
        if entity is not None and entity == spec.entity:
            whose, others = row.get(entity), other.get(entity)
            if whose is not None and others is not None:
                return bool(whose == others)
        names = [column.name for column in self.spec.features]
        return [row.get(name) for name in names] == [other.get(name) for name in names]


@dataclass
class Lake:
    """Accepted shards, in a folder; a snapshot has the newest of each object."""

    folder: Path
    shards: dict[str, Path] = field(default_factory=dict)
    newest: dict[Path, str] = field(default_factory=dict)
    count: int = 0
    read: list[Row] = field(default_factory=list)

    def accept(self, spec: ModelSpec, rows: Sequence[Row], name: str) -> bool:
        self.count += 1
        source, work = self.folder / "upload.jsonl", self.folder / f"work{self.count}"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        made = prepare(spec, source, source.name, work, threads=1)
        if made.shard is not None:
            shard = self.folder / f"{self.count:03}.parquet"
            made.shard.rename(shard)
            self.shards[name] = shard
            self.newest[shard] = "" if made.newest is None else made.newest.isoformat()
        return made.shard is not None

    def snapshot(self, spec: ModelSpec) -> list[Path]:
        """Return the shards that a run trains on: those that are not too old."""
        uploads = [
            Upload(
                upload_id=str(shard),
                model=spec.name,
                table=MAIN,
                key=name,
                version_id="v",
                sequencer="1",
                size_bytes=1,
                received_at=CLOCK.isoformat(),
                state=UploadState.TRAINED,
                newest=self.newest[shard],
            )
            for name, shard in self.shards.items()
        ]
        chosen = snapshots.select(uploads, (MAIN,), CLOCK, spec.kept_days)
        return sorted(map(Path, chosen.snapshot))

    def train(self, spec: ModelSpec, *champion: Version) -> tuple[Version, list[Row]]:
        """Return the version, and the rows that it and the champions are examined on."""
        files = self.snapshot(spec)
        learners = [Learner(one.spec, one.learnt) for one in champion]
        _, _, divided = snapshot.divide(spec, files, learners)
        rows = self.read = rows_of(spec, files)
        if spec.row_time is not None and any(row.get(spec.row_time) is None for row in rows):
            raise DataError("schema", "a row has no time")  # as a job refuses it
        learnt = [row for row, train in zip(rows, divided.train, strict=True) if train]
        examined = [row for row, held in zip(rows, divided.examined, strict=True) if held]
        return Version(spec, divided.learnt, learnt), examined


def rows_of(spec: ModelSpec, files: Sequence[Path]) -> list[Row]:
    """Read rows as ``spec`` sees them, with their side."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"read_parquet({[str(path) for path in files]}, union_by_name = true)"
        there = {
            str(one[0])
            for one in connection.execute(f"SELECT * FROM {source} LIMIT 0").description or ()  # noqa: S608 - our own
        }
        types = {Number: "FLOAT", Boolean: "BOOLEAN"}
        kept = [one for one in (*spec.columns, spec.target) if one.name in there]
        chosen = [
            f'epoch_us("{one.name}") AS "{one.name}"'
            if isinstance(one, DateTime)
            else f'CAST("{one.name}" AS {types.get(type(one), "VARCHAR")}) AS "{one.name}"'
            for one in kept
        ]
        found = connection.execute(f"SELECT {', '.join([*chosen, HELD_OUT])} FROM {source}").fetchall()  # noqa: S608
    names = [*(one.name for one in kept), HELD_OUT]
    return [dict(zip(names, values, strict=True)) for values in found]


def uploads(spec: ModelSpec) -> st.SearchStrategy[list[Row]]:
    one = st.fixed_dictionaries(
        {column.name: st.sampled_from(values(column)) for column in spec.columns}
        | {"outcome": st.sampled_from(["no", "yes"])}
    )
    return st.lists(one, min_size=1, max_size=14)


@st.composite
def again(draw: st.DrawFn, spec: ModelSpec, earlier: Sequence[Row]) -> list[Row]:
    """Rows of earlier uploads as files of ``spec``: values that they lack, or that do not fit, are drawn."""
    return [
        {"outcome": row["outcome"]}
        | {
            column.name: value
            if column.name in row and (value := row[column.name]) in values(column)
            else draw(st.sampled_from(values(column)))
            for column in spec.columns
        }
        for row in earlier
    ]


def values(column: Column) -> list[Any]:
    return [value for value in VALUES[type(column)] if column.optional or value is not None]


@st.composite
def changes(draw: st.DrawFn, spec: ModelSpec) -> ModelSpec:
    """A spec that differs from another in one thing, or in none."""
    kinds = ["add", "remove", "retype", "optional", "rename", "entity", "share", "time", "time", "none"]
    kind = draw(st.sampled_from(kinds))
    columns = list(spec.columns)
    at = draw(st.integers(0, len(columns) - 1))
    unused = next(name for name in "abcdefgh" if name not in {column.name for column in columns})
    change: dict[str, Any] = {}
    match kind:
        case "add":
            columns.append(draw(st.sampled_from([Number, Text, Boolean, Id]))(unused, optional=True))
        case "remove":
            del columns[at]
        case "retype":
            columns[at] = draw(st.sampled_from([Number, Text, Boolean]))(columns[at].name, optional=True)
        case "optional":
            columns[at] = replace(columns[at], optional=not columns[at].optional)
        case "rename":
            columns[at] = replace(columns[at], name=unused)
        case "entity":
            ids = [column.name for column in columns if isinstance(column, Id)]
            change["entity"] = draw(st.sampled_from([None, *ids]))
        case "share" | "time":
            policies = SHARES if kind == "share" else POLICIES
            change["training"] = replace(spec.training, **draw(st.sampled_from(policies)))
    change["training"] = with_its_time(change.get("training", spec.training), columns)
    if change.get("entity", spec.entity) not in {column.name for column in columns}:
        change["entity"] = None
    event(kind)
    try:
        return replace(spec, columns=tuple(columns), **change)
    except SpecError:
        return spec


SHARES: list[dict[str, Any]] = [
    {"holdout": share, "duplicates": use} for share in (0.1, 0.3, 0.5) for use in ("drop", "keep")
]
POLICIES: list[dict[str, Any]] = [
    {"evaluate": "random", "days": None},
    *({"evaluate": "latest", "days": days} for days in (1, 10, 40)),
    {"half_life_days": None},
    {"half_life_days": 7},
    {"keep_days": None},
    *({"keep_days": days} for days in (45, 75)),
]


def with_its_time(training: Training, columns: Sequence[Column]) -> Training:
    """A policy with the column that has the time of a row, or one without a time where there is none."""
    times = [column.name for column in columns if isinstance(column, DateTime) and not column.optional]
    if not times:
        return Training(holdout=training.holdout, duplicates=training.duplicates)
    return training if training.time in times else replace(training, time=times[0])


@examples(120)
@given(data=st.data())
def test_no_version_is_examined_on_what_it_learnt_whatever_becomes_of_the_spec(data: st.DataObject) -> None:
    spec, champion = data.draw(st.sampled_from([SPEC, TIMED])), None
    earlier: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        for _ in range(data.draw(st.integers(2, 5))):
            spec = data.draw(changes(spec))
            upload = data.draw(uploads(spec)) if data.draw(st.booleans()) else data.draw(again(spec, earlier))
            lake.accept(spec, upload, data.draw(st.sampled_from(["one", "one", "two"])))
            earlier = [*earlier, *upload][-20:]
            if not lake.snapshot(spec):
                continue
            try:
                version, examined = lake.train(spec, *([champion] if champion else []))
            except DataError:  # a column of another type, whose earlier values do not fit
                lake.shards = {}
                continue
            assert not any(row[HELD_OUT] for row in version.rows)
            if spec.training.evaluate == "latest":
                is_newer(spec, examined, version.rows, lake.read)
            else:
                assert all(row[HELD_OUT] for row in examined)
            assert not any(version.knows(row, spec) for row in examined)
            assert (
                champion is None
                or not fits(champion, spec)
                or not any(champion.knows(row, spec) for row in examined)
            )
            seen = [tuple(sorted(row.items(), key=str)) for row in version.rows]
            assert spec.training.duplicates == "keep" or len(set(seen)) == len(seen)
            champion = version if champion is None or data.draw(st.integers(0, 3)) else champion


def is_newer(spec: ModelSpec, examined: Sequence[Row], learnt: Sequence[Row], rows: Sequence[Row]) -> None:
    """Assert that no row was learnt that is as new as a row that is examined, but for rows of a class that has died out."""
    time, kind = str(spec.training.time), spec.target.name
    far = max(row[time] for row in rows) - FURTHEST * (spec.training.days or 0) * 86_400_000_000
    alive = {row[kind] for row in examined if row[time] > far}
    of_window = [row for row in examined if row[kind] in alive]
    event(f"latest, {bool(of_window)} and {bool(learnt)}, lost {len(examined) > len(of_window)}")
    if of_window and learnt:
        assert max(row[time] for row in learnt) < min(row[time] for row in of_window)
    assert len(examined) - len(of_window) <= LEAST * len(spec.classes)


def fits(champion: Version, spec: ModelSpec) -> bool:
    """Whether a champion can answer rows of ``spec``: it has all columns that it takes, in their types."""
    there = {column.name: type(column) for column in spec.columns}
    return all(there.get(column.name) is type(column) for column in champion.spec.features)


OTHER = replace(SPEC, columns=(*SPEC.columns, Number("later", optional=True)))
MANY: list[Row] = [
    {"a": at, "b": f"text {at}", "c": at / 3, "outcome": ("no", "yes")[at % 2]} for at in range(120)
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def sides(lake: Lake, spec: ModelSpec = SPEC) -> list[bool]:
    return [row[HELD_OUT] for row in rows_of(spec, sorted(lake.shards.values()))]


def test_a_column_that_the_spec_gets_later_changes_no_row_that_lacks_it(lake: Lake) -> None:
    lake.accept(SPEC, MANY, "one")
    lake.accept(OTHER, MANY, "two")
    found = sides(lake)
    assert found[:120] == found[120:]
    assert 30 < sum(found[:120]) < 66


def test_an_optional_column_leaves_the_evaluation_set_as_it_was(lake: Lake) -> None:
    lake.accept(SPEC, MANY, "one")
    champion, before = lake.train(SPEC)
    lake.accept(OTHER, [{**row, "a": row["a"] + 500, "later": 1} for row in MANY], "two")
    _, after = lake.train(OTHER, champion)
    assert [{**row, "later": None} for row in before] == [row for row in after if row["later"] is None]
    assert len(after) > len(before)


def test_the_order_of_the_columns_does_not_matter(lake: Lake) -> None:
    lake.accept(SPEC, MANY, "one")
    lake.accept(replace(SPEC, columns=SPEC.columns[::-1]), MANY, "two")
    found = sides(lake)
    assert found[:120] == found[120:]


@pytest.mark.parametrize("text", ["{}", "{}.0", " +{} ", "0{}", "{}e0"])
def test_a_number_has_one_text_for_all_types(lake: Lake, text: str) -> None:
    texts = replace(SPEC, columns=(Text("a"), *SPEC.columns[1:]))
    lake.accept(SPEC, MANY, "one")
    lake.accept(texts, [{**row, "a": text.format(row["a"])} for row in MANY], "two")
    found = sides(lake, texts)
    assert found[:120] == found[120:]


def test_the_target_does_not_decide_the_side(lake: Lake) -> None:
    lake.accept(SPEC, MANY, "one")
    lake.accept(SPEC, [{**row, "outcome": "yes"} for row in MANY], "two")
    found = sides(lake)
    assert found[:120] == found[120:]


def test_the_rows_of_an_entity_share_a_side_and_a_row_without_one_has_its_own(lake: Lake) -> None:
    spec = replace(SPEC, columns=(*SPEC.columns, Id("who", optional=True)), entity="who")
    lake.accept(spec, [{**row, "who": f"p{row['a'] // 4}"} for row in MANY], "one")
    lake.accept(spec, MANY, "two")
    lake.accept(SPEC, MANY, "three")
    found = sides(lake)
    assert all(len(set(found[start : start + 4])) == 1 for start in range(0, 120, 4))
    assert found[120:240] == found[240:]
    assert len(set(found[120:124])) + len(set(found[124:128])) + len(set(found[128:132])) > 3


def test_rows_say_which_of_them_are_of_one_entity(lake: Lake) -> None:
    spec = replace(SPEC, columns=(*SPEC.columns, Id("who", optional=True)), entity="who")
    lake.accept(spec, [{**row, "who": f"p{row['a'] // 4}"} for row in MANY], "one")
    lake.accept(spec, [{**row, "a": row["a"] + 500} for row in MANY], "two")
    data = snapshot.load(spec, lake.folder)
    table = data.holdout
    assert table.entity is not None
    named = table.columns["a"] < 500
    whose = table.columns["a"][named] // 4
    assert len(set(zip(whose, table.entity[named], strict=True))) == len(set(whose))
    assert len(set(table.entity[named])) == len(set(whose))
    assert len(set(table.entity[~named])) == (~named).sum()
    assert not {*table.entity[named]} & {*table.entity[~named]}
    assert snapshot.load(SPEC, lake.folder).holdout.entity is None


def test_another_share_holds_for_later_uploads_alone(lake: Lake) -> None:
    narrow = replace(SPEC, training=Training(holdout=0.05))
    lake.accept(SPEC, MANY, "one")
    first = sides(lake)
    lake.accept(narrow, MANY, "two")
    found = sides(lake)
    assert found[:120] == first
    assert 0 < sum(found[120:]) < 15
    champion, _ = lake.train(SPEC)
    _, examined = lake.train(narrow, champion)
    assert not any(champion.knows(row, narrow) for row in examined)


def repeats(lake: Lake, spec: ModelSpec) -> tuple[Any, int, int]:
    data = snapshot.load(spec, lake.folder)
    return data.repeats, len(data.train), len(data.holdout)


def test_a_row_that_comes_again_is_counted_and_learnt_once(lake: Lake) -> None:
    lake.accept(SPEC, [*MANY, *MANY[:7]], "one")
    lake.accept(SPEC, MANY[:20], "two")
    found, train, holdout = repeats(lake, SPEC)
    assert (found.duplicates, found.by_upload, found.dropped) == (27, {"002": 20, "001": 7}, True)
    assert (train + holdout, found.contradictions, found.not_examined) == (120, 0, 0)
    assert found.words() == [
        '27 rows equal an earlier one in every column: learnt and examined once; Training(duplicates="keep") counts every copy'
    ]


def test_every_copy_counts_where_the_spec_wants_it(lake: Lake) -> None:
    spec = replace(SPEC, training=Training(holdout=0.4, duplicates="keep"))
    lake.accept(spec, [*MANY, *MANY[:7]], "one")
    found, train, holdout = repeats(lake, spec)
    assert (found.duplicates, found.dropped, train + holdout) == (7, False, 127)


def test_rows_of_other_ids_are_other_rows(lake: Lake) -> None:
    spec = replace(SPEC, columns=(*SPEC.columns, Id("who")))
    lake.accept(spec, [{**row, "who": whose} for row in MANY for whose in ("ann", "bob", "ann")], "one")
    found, train, holdout = repeats(lake, spec)
    assert (found.duplicates, train + holdout) == (120, 240)


def test_the_same_row_with_another_target_is_a_contradiction_and_stays(lake: Lake) -> None:
    lake.accept(SPEC, MANY, "one")
    lake.accept(SPEC, [{**row, "outcome": "no"} for row in MANY[:10]], "two")
    found, train, holdout = repeats(lake, SPEC)
    assert (found.duplicates, found.contradictions, train + holdout) == (5, 10, 125)
    assert found.words()[1] == "10 rows equal another in every column but the target"


def test_a_row_of_the_holdout_says_which_upload_it_is_of_and_whether_the_champion_knows_it(
    lake: Lake,
) -> None:
    lake.accept(SPEC, MANY, "one")
    first = snapshot.load(SPEC, lake.folder)
    assert first.new is not None
    assert first.new.all()
    lake.accept(SPEC, [{**row, "a": row["a"] + 500} for row in MANY], "two")
    data = snapshot.load(SPEC, lake.folder, learners=[Learner(SPEC, first.learnt)])
    assert data.new is not None
    assert data.holdout_upload is not None
    assert data.uploads == ("001", "002")
    assert list(data.new) == [place == 1 for place in data.holdout_upload]
    assert list(data.new) == [value >= 500 for value in data.holdout.columns["a"]]


def test_a_file_that_replaces_another_is_not_examined_where_the_champion_learnt_it(lake: Lake) -> None:
    lake.accept(SPEC, MANY, "one")
    champion, _ = lake.train(SPEC)
    lake.accept(OTHER, [{**row, "later": row["a"] % 3} for row in MANY], "one")
    version, examined = lake.train(OTHER, champion)
    assert examined
    assert not any(champion.knows(row, OTHER) for row in examined)
    assert len(version.rows) + len(examined) < 120


def test_a_champion_of_an_earlier_release_is_examined_on_what_that_release_held_out(tmp_path: Path) -> None:
    columns = (*SPEC.columns, SPEC.target)
    old = write_shard(tmp_path / "old.parquet", columns, MANY)
    _, _, then = snapshot.divide(SPEC, [old])
    lake = Lake(tmp_path)
    lake.accept(SPEC, [{**row, "a": row["a"] + 500} for row in MANY], "one")
    files = [old, lake.shards["one"]]
    _, _, now = snapshot.divide(SPEC, files, [Learner(SPEC, None)])
    assert list(now.examined[:120]) == list(then.examined)
    assert 0 < now.examined[120:].sum() < 40  # those that the earlier rule would have held out too
    assert not now.new.any()


def test_a_record_is_read_as_it_was_written() -> None:
    record = Learnt(rows=np.array([1, 2**32 - 1], dtype=np.uint32), examined=np.array([7], dtype=np.uint32))
    again = Learnt.from_bytes(record.as_bytes())
    assert [getattr(again, name).tolist() for name in ("rows", "entities", "examined")] == [
        [1, 2**32 - 1],
        [],
        [7],
    ]


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (b"", "learnt.json is not a record of what was learnt: "),
        (b"{}", "learnt.json is not a record of what was learnt: "),
        (b'{"format": 2}', "learnt.json has format 2; allowed: 1"),
        (b'{"format": 1, "rows": "?"}', "learnt.json is not a record of what was learnt: "),
    ],
)
def test_a_damaged_record_is_refused(damaged: bytes, message: str) -> None:
    with pytest.raises(ArtifactError) as raised:
        Learnt.from_bytes(damaged)
    assert str(raised.value).startswith(message)


FEATURES = replace(
    SPEC,
    name="features",
    columns=(Id("who"), Number("size", optional=True)),
    entity="who",
    tables=(Table("raw", columns=(Id("who"), DateTime("at")), time="at"),),
)


@examples(50, HealthCheck.function_scoped_fixture)
@given(data=st.data())
def test_an_entity_of_tables_keeps_its_side_when_the_share_changes(
    tmp_path: Path, data: st.DataObject
) -> None:
    champion: Learner | None = None
    known: dict[str, bool] = {}
    learnt: set[str] = set()
    for _ in range(data.draw(st.integers(2, 4))):
        spec = replace(FEATURES, training=Training(holdout=data.draw(st.sampled_from([0.1, 0.3, 0.5]))))
        names = [f"p{number}" for number in range(data.draw(st.integers(10, 30)))]
        rows = [
            {"who": name, "size": number, "outcome": "no", "as_of": f"2026-0{month}-01"}
            for number, name in enumerate(names)
            for month in (1, 2)
        ]
        made = write_shard(tmp_path / "made.parquet", (*wanted(spec),), rows)
        _, _, divided = snapshot.divide(spec, [made], [champion] if champion else [])
        examined = {row["who"] for row, held in zip(rows, divided.examined, strict=True) if held}
        trained = {row["who"] for row, train in zip(rows, divided.train, strict=True) if train}
        assert not examined & trained
        assert not examined & learnt
        assert all(known.get(name, name in examined) == (name in examined) for name in names)
        known = {name: name in examined for name in names}
        learnt = {str(name) for name in trained}
        champion = Learner(spec, divided.learnt)
