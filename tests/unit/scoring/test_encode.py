from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from preparation.rules import expression
from relearn.spec.columns import PARTS
from relearn.spec.model import DateTime
from scoring.encode import FLOAT, from_table, from_values, seen, source, type_of
from scoring.reading import Reader
from tests.support.examples import examples
from tests.support.training_kit import MIXED, write_shard

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.isoformat() + "Z")  # noqa: DTZ001 - the Z is the zone
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.text(min_size=1, max_size=5, alphabet="abc"),
            "size": st.none() | st.floats(-1000, 1000, width=32),
            "colour": st.none() | st.sampled_from(("red", "green")),
            "note": st.none()
            | st.text(max_size=40, alphabet=st.characters(codec="utf-8", exclude_characters="\0")),
            "fresh": st.none() | st.booleans(),
            "at": st.none() | MOMENTS,
        }
    ),
    min_size=1,
    max_size=5,
)


WITH_PARTS = (*MIXED.features[:-1], DateTime("at", parts=PARTS, optional=True))


@examples(40, HealthCheck.function_scoped_fixture)
@given(rows=ROWS)
def test_a_request_and_a_shard_give_a_model_the_same_values(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    path = write_shard(tmp_path / "shard.parquet", MIXED.columns, rows)
    asked = Reader(MIXED).parse(json.dumps({"instances": rows}).encode())
    for column in seen(WITH_PARTS):
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            raw = next(one for one in WITH_PARTS if one.name == source(column))
            query = f"SELECT {expression(raw)} AS v FROM '{path}'"  # noqa: S608
            stored: Any = connection.execute(query).fetchnumpy()["v"]
        place = [one.name for one in MIXED.columns].index(source(column))
        served = from_values([column])([[row[place]] for row in asked])[:, 0]
        trained = from_table(column, stored)
        assert trained.dtype == served.dtype
        if type_of(column) == FLOAT:
            np.testing.assert_array_equal(trained, served)
        else:
            assert list(trained) == list(served)


def test_what_is_missing_is_nan_or_the_empty_string() -> None:
    size, colour, note, fresh, at = MIXED.features
    assert np.isnan(from_values([size, fresh, at])([[None, None, None]])).all()
    assert from_values([colour, note])([[None, None]]).tolist() == [["", ""]]


@pytest.mark.parametrize(
    "moment", ["2000-01-02T12:00:00", "2000-01-02T12:00:00Z", "2000-01-02T14:00:00+02:00"]
)
def test_a_moment_is_days_since_2000_and_utc_without_an_offset(moment: str) -> None:
    assert from_values([DateTime("at")])([[moment]]).tolist() == [[1.5]]


def test_a_moment_keeps_within_43_seconds_until_2044() -> None:
    for days in range(0, 16_000, 331):
        moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=days, seconds=12_345)
        encoded = float(from_values([DateTime("at")])([[moment.isoformat()]])[0, 0])
        assert abs(encoded * 86_400 - (days * 86_400 + 12_345)) <= 43


@examples(40, HealthCheck.function_scoped_fixture)
@given(
    moment=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - made aware below
    zone=st.sampled_from(("UTC", "Asia/Tokyo", "America/New_York")),
)
def test_two_moments_a_second_apart_reach_an_estimator_as_two_served_and_trained_alike(
    tmp_path: Path, moment: datetime, zone: str
) -> None:
    column = DateTime("at", zone=zone)
    both = [(moment + timedelta(seconds=one)).isoformat() + "Z" for one in (0, 1)]
    path = write_shard(tmp_path / "shard.parquet", [column], [{"at": one} for one in both])
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT {expression(column)} AS v FROM '{path}'"  # noqa: S608
        stored: Any = connection.execute(query).fetchnumpy()["v"]
    trained = np.column_stack([from_table(one, stored) for one in seen([column])])
    served = from_values(seen([column]))([[one] * 2 for one in both])
    assert trained.dtype == served.dtype == np.float32
    assert trained.tolist() == served.tolist()
    assert trained[0].tolist() != trained[1].tolist()


def parts_of(moment: datetime, zone: str = "UTC") -> dict[str, float]:
    """What an estimator sees of the parts of a moment that a request names."""
    columns = seen([DateTime("at", parts=PARTS, zone=zone)])
    row = from_values(columns)([[moment.isoformat()] * len(columns)])[0]
    return {column.name.removeprefix("at_"): float(value) for column, value in zip(columns, row, strict=True)}


ANY_MOMENT = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001 - aware by its zone; no offset leads out of the years that there are
    datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@examples(200)
@given(ANY_MOMENT)
def test_the_parts_of_a_moment_are_those_of_utc(moment: datetime) -> None:
    assert_parts(moment.astimezone(UTC), parts_of(moment))


@examples(200)
@given(
    ANY_MOMENT, st.sampled_from(("Asia/Tokyo", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"))
)
def test_the_parts_of_a_moment_are_those_of_the_declared_zone(moment: datetime, zone: str) -> None:
    assert_parts(moment.astimezone(ZoneInfo(zone)), parts_of(moment, zone))


def assert_parts(local: datetime, found: dict[str, float]) -> None:
    days = local.timetuple().tm_yday
    wanted = (local.year, local.month, local.day, days, local.isoweekday(), local.hour, local.minute)
    names = ("year", "month", "day", "yearday", "weekday", "hour", "minute")
    assert tuple(found[name] for name in names) == wanted
    assert found["time"] == pytest.approx(
        local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6, abs=0.004
    )


@pytest.mark.parametrize(
    ("moment", "zone", "hour", "weekday"),
    [
        ("2026-05-03T15:30:00Z", "Asia/Tokyo", 0, 1),
        ("2026-03-29T00:59:59Z", "Europe/Berlin", 1, 7),  # its clocks go from 2 to 3
        ("2026-03-29T01:00:00Z", "Europe/Berlin", 3, 7),
        ("2026-10-25T00:30:00Z", "Europe/Berlin", 2, 7),  # and from 3 back to 2
        ("2026-10-25T01:30:00Z", "Europe/Berlin", 2, 7),
        ("0001-01-01T00:00:00Z", "America/New_York", 19, 7),
        ("9999-12-31T23:59:59Z", "Asia/Tokyo", 8, 6),
    ],
)
def test_hours_and_weekdays_are_local_with_summer_time_and_at_the_ends_of_the_calendar(
    moment: str, zone: str, hour: int, weekday: int
) -> None:
    found = parts_of(datetime.fromisoformat(moment), zone)
    assert (found["hour"], found["weekday"]) == (hour, weekday)


def test_a_zone_moves_no_moment() -> None:
    given = [["2026-05-04T10:00:00Z"]]
    assert from_values([DateTime("at", zone="Asia/Tokyo")])(given) == from_values([DateTime("at")])(given)


@examples(200)
@given(ANY_MOMENT)
def test_date_and_time_lose_nothing_of_a_moment(moment: datetime) -> None:
    found = parts_of(moment)
    again = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=found["date"], seconds=found["time"])
    assert abs(again - moment) <= timedelta(milliseconds=10)


def test_a_moment_that_is_missing_has_no_parts() -> None:
    columns = seen([DateTime("at", parts=PARTS, optional=True)])
    assert np.isnan(from_values(columns)([[None] * len(columns)])).all()
