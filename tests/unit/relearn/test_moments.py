"""The moments of a model: the starts of months that its data can speak of, whatever is added later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import SpecError
from relearn.spec import codec
from relearn.spec.model import Monthly, Table
from training import catalog

FIRST, LAST = datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)
CHURN = catalog.get("churn")
times = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
days = st.integers(0, 400)


def monthly(history: int, label: int) -> Monthly:
    return Monthly(table="events", history_days=history, label_days=label)


@pytest.mark.parametrize(
    ("history", "label", "starts"),
    [
        (0, 0, ["2026-02-01", "2026-03-01"]),
        (30, 0, ["2026-03-01"]),
        (2, 0, ["2026-02-01", "2026-03-01"]),
        (3, 0, ["2026-03-01"]),
        (0, 1, ["2026-02-01"]),
        (90, 0, []),
    ],
)
def test_months_start_within_the_reach_of_the_data(history: int, label: int, starts: list[str]) -> None:
    found = monthly(history, label).between(FIRST, LAST)
    assert [f"{moment:%Y-%m-%d}" for moment in found] == starts


def test_a_month_starts_in_utc_wherever_the_data_comes_from() -> None:
    tokyo = timezone(timedelta(hours=9))
    found = monthly(0, 0).between(datetime(2026, 2, 1, 8, tzinfo=tokyo), datetime(2026, 2, 2, tzinfo=tokyo))
    assert found == (datetime(2026, 2, 1, tzinfo=UTC),)


@given(first=times, reach=st.timedeltas(timedelta(0), timedelta(days=900)), history=days, label=days)
def test_moments_have_their_history_and_their_label_and_are_all_that_do(
    first: datetime, reach: timedelta, history: int, label: int
) -> None:
    last = first + reach
    found = monthly(history, label).between(first, last)
    every_day = (
        first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=n) for n in range(1400)
    )
    assert list(found) == [
        day
        for day in every_day
        if day.day == 1 and day - timedelta(days=history) >= first and day + timedelta(days=label) <= last
    ]


@given(
    first=times,
    reach=st.timedeltas(timedelta(0), timedelta(days=900)),
    more=st.timedeltas(timedelta(0), timedelta(days=99)),
)
def test_more_data_adds_moments_and_changes_none(first: datetime, reach: timedelta, more: timedelta) -> None:
    before = monthly(90, 30).between(first, first + reach)
    assert monthly(90, 30).between(first, first + reach + more)[: len(before)] == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"history_days": -1}, r"moments.history_days': got -1; allowed: a whole number of days, 0 to 36500"),
        ({"label_days": None}, "moments.label_days"),
        ({"lookback_days": 0.5}, "moments.lookback_days"),
    ],
)
def test_days_are_whole_numbers(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Monthly(**{"table": "events", "history_days": 1, "label_days": 1, **changes})


def test_moments_follow_a_table_that_has_a_time() -> None:
    with pytest.raises(SpecError, match=r"moments.table': got 'visits'; allowed: .*\(customers, events\)"):
        replace(CHURN, moments=replace(monthly(1, 1), table="visits"))


def test_no_raw_table_is_called_moments() -> None:
    with pytest.raises(SpecError, match="not main or moments"):
        Table("moments", columns=CHURN.tables[0].columns)


def test_a_spec_with_moments_is_read_back_equal() -> None:
    assert codec.from_dict(codec.to_dict(CHURN)) == CHURN
