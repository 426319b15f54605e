from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relearn.columns import PARTS
from relearn.spec import DateTime
from tests.unit.training_kit import MIXED, write_shard
from training.encode import FLOAT, expression, from_table, from_values, seen, source, type_of
from training.reading import Reader

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


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_a_request_and_a_shard_give_a_model_the_same_values(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    path = write_shard(tmp_path / "shard.parquet", MIXED.columns, rows)
    asked = Reader(MIXED).read(json.dumps({"instances": rows}).encode())
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


def parts_of(moment: datetime) -> dict[str, float]:
    """What an estimator sees of the parts of a moment that a request names."""
    columns = seen([DateTime("at", parts=PARTS)])
    row = from_values(columns)([[moment.isoformat()] * len(columns)])[0]
    return {column.name.removeprefix("at_"): float(value) for column, value in zip(columns, row, strict=True)}


ANY_MOMENT = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001 - aware by its zone; no offset leads out of the years that there are
    datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@settings(max_examples=200)
@given(ANY_MOMENT)
def test_the_parts_of_a_moment_are_those_of_utc(moment: datetime) -> None:
    utc, found = moment.astimezone(UTC), parts_of(moment)
    wanted = (utc.year, utc.month, utc.day, utc.timetuple().tm_yday, utc.isoweekday(), utc.hour, utc.minute)
    names = ("year", "month", "day", "yearday", "weekday", "hour", "minute")
    assert tuple(found[name] for name in names) == wanted


@settings(max_examples=200)
@given(ANY_MOMENT)
def test_date_and_time_lose_nothing_of_a_moment(moment: datetime) -> None:
    found = parts_of(moment)
    again = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=found["date"], seconds=found["time"])
    assert abs(again - moment) <= timedelta(milliseconds=10)


def test_a_moment_that_is_missing_has_no_parts() -> None:
    columns = seen([DateTime("at", parts=PARTS, optional=True)])
    assert np.isnan(from_values(columns)([[None] * len(columns)])).all()
