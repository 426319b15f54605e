"""Now is the run's clock, never what uploads claim: rows of the future are refused, or wait; sentinels are missing values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pytest

from preparation import Outcome, prepare
from relearn.api.request_schema import check_instance
from relearn.data import checks
from relearn.data.profiles import ColumnProfile, Profile
from relearn.errors import ConfigError, DataError, SpecError
from relearn.spec import codec
from relearn.spec.columns import DateTime
from relearn.spec.model import Id, Metric, ModelSpec, Monthly, Number, Quality, Table, Training
from relearn.spec.tables import MAX_MOMENTS, MOMENTS
from scoring import encode
from scoring.container import clock
from scoring.reading import Reader
from tests.support.prepare_data import rejected
from tests.support.training_kit import write_shard
from training.features import after, before, engine, onto
from training.features.build import FeatureBuilder
from training.features.feature_set import Code, FeatureSet, Paths, make
from training.job import backfill

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
NEVER = "9999-12-31"
ORDERS = Table(
    "orders",
    columns=(
        Id("who"),
        DateTime("at"),
        Number("amount"),
        DateTime("paid", optional=True, missing=(NEVER, "1970-01-01")),
    ),
    time="at",
    quality=Quality(max_age_days=30),
)
SPEC = ModelSpec(
    name="visits",
    title="What customers spend",
    tables=(ORDERS,),
    moments=Monthly(table="orders", history_days=30, label_days=30),
    entity="who",
    columns=(Id("who"), Number("spent")),
    target=Number("spends"),
    metric=Metric("r2", minimum=0.0),
    training=Training(holdout=0.5),
)


def features(tables: Any) -> ibis.Table:
    orders, moments = tables["orders"], tables[MOMENTS]
    spine = orders.select("who").distinct().cross_join(moments)
    then, later = (
        made.group_by(["who", "as_of"]).aggregate(**{name: made["amount"].sum()})
        for name, made in (
            ("spent", before(spine, orders, on="who", time="at")),
            ("spends", after(spine, orders, on="who", time="at", days=30)),
        )
    )
    both = onto(onto(spine, then, on="who"), later, on="who")
    return both.select(
        "who", "as_of", spent=both["spent"].fill_null(0.0), spends=both["spends"].fill_null(0.0)
    )


def take(folder: Path, *rows: str, now: datetime = NOW) -> Outcome:
    file = folder / "x.csv"
    file.write_text("\n".join(["who,at,amount,paid", *rows]) + "\n", encoding="utf-8")
    spec = ModelSpec(
        **{
            name: getattr(SPEC, name)
            for name in ("name", "title", "tables", "moments", "entity", "columns", "target", "metric")
        },
        ingest=SPEC.ingest,
    )
    return prepare(spec, file, file.name, folder / "work", table="orders", threads=1, now=now)


@pytest.mark.parametrize(
    "at", ["2030-01-01T10:00Z", NEVER, "9999-12-31T23:59:59-05:00", "2026-05-05T10:00:01Z"]
)
def test_a_row_that_is_dated_later_than_now_is_refused_with_its_line(at: str, tmp_path: Path) -> None:
    prepared = take(tmp_path, "a,2026-05-01,1,", f"b,{at},1,", "c,2026-05-02,1,")
    assert (prepared.rows_accepted, prepared.rows_rejected) == (2, 1)
    (row,) = rejected(prepared)
    assert row["line"] == 3
    (error,) = row["errors"]
    assert (error["column"], error["value"]) == ("at", at)
    assert "later than now, 2026-05-04T10:00:00+00:00, by more than the 24 hours" in error["reason"]
    assert "send the row when its time has come" in error["reason"]


@pytest.mark.parametrize("at", ["0001-01-01T00:00+05:00", "10000-01-01"])
def test_a_moment_that_no_calendar_has_in_utc_is_no_date_time(at: str, tmp_path: Path) -> None:
    (row,) = rejected(take(tmp_path, "a,2026-05-01,1,", f"b,{at},1,"))
    assert (
        row["errors"][0]["reason"]
        == "not an ISO 8601 date-time such as 2026-05-04T10:00:00Z, from year 1 to 9999"
    )
    assert DateTime("at").problem(at) is not None


@pytest.mark.parametrize("at", ["2026-05-05T10:00Z", "2026-05-04T23:00"])
def test_a_clock_may_be_ahead_by_a_day(at: str, tmp_path: Path) -> None:
    assert take(tmp_path, f"a,{at},1,").rows_rejected == 0


def test_rows_ahead_of_the_clock_are_counted_with_when_the_last_is_known(tmp_path: Path) -> None:
    prepared = take(
        tmp_path, "a,2026-05-04T10:00Z,1,", "a,2026-05-05T01:00+09:00,1,", "a,2026-05-04T11:00Z,1,"
    )
    assert (prepared.rows_accepted, prepared.rows_waiting) == (3, 2)
    assert prepared.waits_until == datetime(2026, 5, 4, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "known_from"),
    [
        (("a,2026-05-04T12:00Z,1,", "a,2026-05-04T11:00Z,1,"), datetime(2026, 5, 4, 11, tzinfo=UTC)),
        ((*("a,2026-05-04T12:00Z,1,",) * 19, f"a,{NEVER},1,"), datetime(2026, 5, 4, 12, tzinfo=UTC)),
        (("a,2026-05-04T11:00:00.000001Z,1,",), datetime(2026, 5, 4, 11, 0, 0, 1000, tzinfo=UTC)),
        (("a,2026-05-04T10:00Z,1,", "a,2026-05-04T11:00Z,1,"), None),
    ],
    ids=["all wait", "all that are taken", "a run's clock has milliseconds", "one is known"],
)
def test_a_file_of_which_no_row_is_known_says_from_when_one_is(
    rows: Sequence[str], known_from: datetime | None, tmp_path: Path
) -> None:
    assert take(tmp_path, *rows).known_from == known_from


def test_no_row_waits_in_a_file_of_the_past(tmp_path: Path) -> None:
    prepared = take(tmp_path, *("a,2026-05-04T10:00Z,1,",) * 19, f"a,{NEVER},1,")
    assert (prepared.refusal, prepared.rows_accepted) == (None, 19)
    assert (prepared.rows_waiting, prepared.waits_until, prepared.known_from) == (0, None, None)


@pytest.mark.parametrize("paid", [NEVER, "9999-12-31T00:00:00Z", "1970-01-01T09:00+09:00"])
def test_a_moment_that_the_spec_says_stands_for_a_missing_value_is_one(paid: str, tmp_path: Path) -> None:
    prepared = take(tmp_path, f"a,2026-05-01,1,{paid}", "b,2026-05-01,1,2026-05-02")
    assert prepared.profile is not None
    assert prepared.rows_rejected == 0
    assert prepared.profile.columns["paid"].missing == 1


def test_a_request_means_the_same_by_it() -> None:
    spec = ModelSpec(
        name="m",
        title="t",
        columns=(DateTime("paid", optional=True, missing=(NEVER,)), DateTime("due", missing=(NEVER,))),
        target=Number("y"),
        metric=Metric("r2", minimum=0.0),
    )
    good = {"paid": NEVER, "due": "2026-05-04"}
    assert check_instance(spec, good) == []
    (error,) = check_instance(spec, {"due": f"{NEVER}T00:00Z"})
    assert "stands for a missing value" in error.detail
    (row,) = Reader(spec).parse(b'{"instances": [{"paid": "9999-12-31", "due": "2026-05-04"}]}')
    days = encode.from_values(spec.columns)([row])[0]
    assert str(days[0]) == "nan"
    assert codec.from_dict(codec.to_dict(spec)) == spec


def test_what_stands_for_a_missing_value_is_a_moment() -> None:
    with pytest.raises(SpecError, match=r"at\.missing"):
        DateTime("at", missing=("never",))


def made_of(folder: Path, rows: Sequence[tuple[str, str]]) -> FeatureSet:
    """Make the features of orders of a customer, at NOW."""
    given = [{"who": who, "at": at, "amount": 1.0, "paid": None} for who, at in rows]
    shard = write_shard(folder / "orders" / "a.parquet", ORDERS.columns, given)
    workdir = folder / "work"
    workdir.mkdir()
    paths = Paths(folder, workdir, online=folder / "online.jsonl", now=NOW)
    return make(SPEC, Code(features, folder), {"orders": [shard]}, paths)


REAL = [("a", f"2025-{month:02d}-15T00:00:00Z") for month in range(1, 11)] + [("b", "2025-03-02T00:00:00Z")]


@pytest.mark.parametrize("at", ["2030-01-01T10:00:00Z", "9999-12-31T23:59:59Z", "2100-01-01T00:00:00Z"])
def test_a_row_of_the_future_changes_no_features_and_no_moments(at: str, tmp_path: Path) -> None:
    honest, ruined = (
        made_of(tmp_path / name, rows) for name, rows in (("h", REAL), ("r", [*REAL, ("a", at)]))
    )
    assert ruined.facts["sha256"] == honest.facts["sha256"]
    assert ruined.facts["moments"] == honest.facts["moments"]
    assert ruined.facts["online"] == honest.facts["online"]
    assert honest.facts["online"]["as_of"].startswith("2025-10-15")
    counts = {"shards": 1, "rows": len(REAL)}
    assert honest.tables["orders"] == {**counts, "waiting": 0}
    assert ruined.tables["orders"] == {**counts, "waiting": 1}


def test_a_row_that_waited_is_seen_when_its_time_has_come(tmp_path: Path) -> None:
    made = made_of(tmp_path, [*REAL, ("a", "2026-05-04T09:59:00Z")])
    assert made.facts["online"]["as_of"].startswith("2026-05-04")


def test_a_first_row_of_long_ago_makes_no_more_than_the_most_moments() -> None:
    found = Monthly(table="orders", history_days=0, label_days=0).between(
        datetime(1970, 1, 1, tzinfo=UTC), NOW
    )
    assert len(found) == MAX_MOMENTS
    assert found[-1] == datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("last", [datetime.max, datetime(9999, 12, 31)])  # noqa: DTZ001, DTZ901
@pytest.mark.parametrize("days", [0, 36_500])
def test_no_date_of_the_calendar_is_too_much(last: datetime, days: int) -> None:
    moments = Monthly(table="orders", history_days=days, label_days=days)
    first, last = (one.replace(tzinfo=UTC) for one in (datetime.min, last))  # noqa: DTZ901
    assert len(moments.between(first, last)) == MAX_MOMENTS
    assert moments.between(last, last) in ((), (last,))
    assert moments.between(first, first) in ((), (first,))


def test_stale_data_is_not_made_fresh_by_a_row_of_the_future() -> None:
    seen = ColumnProfile(type="datetime", high="2030-01-01T00:00:00Z", counts={"2025-10": 9, "2030-01": 1})
    (found,) = checks._age(ORDERS, Profile(rows=10, columns={"at": seen}), NOW)
    assert not found.right
    assert "2025-11-01" in found.found


def test_features_of_moments_to_come_can_not_be_asked_for(tmp_path: Path) -> None:
    shard = tmp_path / "orders" / "a.parquet"
    write_shard(
        shard,
        ORDERS.columns,
        [{"who": "a", "at": at, "amount": 1.0} for _, at in (*REAL, ("a", "2030-01-01T00:00:00Z"))],
    )
    span = backfill.Span.of({"moments_from": "2025-02-01", "moments_to": "2029-12-01"})
    with engine.connect(tmp_path, [tmp_path]) as connection:
        builder = FeatureBuilder(SPEC, features, connection, tmp_path, NOW)
        found = builder.shards({"orders": [shard]})
        with pytest.raises(DataError, match=r"to 2025-10-15 .* known by now"):
            backfill._check_reach(SPEC, found, span)


@pytest.mark.parametrize("day", ["2025-W01-1", "20250401", "10000-01-01", "x", ""])
def test_a_day_of_a_backfill_is_written_in_one_way(day: str) -> None:
    with pytest.raises(ConfigError, match="a day, as 2025-04-01"):
        backfill.Span.of({"moments_from": day, "moments_to": "2025-05-01"})


def test_a_span_over_the_whole_calendar_is_refused() -> None:
    with pytest.raises(ConfigError, match="1 to 3700 moments"):
        backfill.Span.of({"moments_from": "0001-01-01", "moments_to": "9999-12-31"})


def test_a_job_is_told_the_clock_of_its_run() -> None:
    assert clock({"now": "2026-05-04T12:00:00.000+02:00"}) == NOW
    assert abs(clock({}) - datetime.now(UTC)) < timedelta(hours=1)
    with pytest.raises(ConfigError, match="a moment"):
        clock({"now": "soon"})
