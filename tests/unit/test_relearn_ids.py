"""An id names one thing, and one that has a time sorts by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from relearn import ids

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(TIMES, TIMES, st.text(), st.text())
def test_run_ids_sort_by_time(first: datetime, second: datetime, one: str, two: str) -> None:
    earlier, later = ids.run_id(first, one), ids.run_id(second, two)
    assert len(earlier) == 22
    if first.replace(microsecond=0) < second.replace(microsecond=0):
        assert earlier < later


def test_a_run_id_does_not_depend_on_the_time_zone() -> None:
    at = datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert ids.run_id(at.astimezone(timezone(timedelta(hours=9))), "s") == ids.run_id(at, "s")


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_an_upload_id_names_one_version_of_one_object(
    first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    if "\n" not in "".join(first + second):
        assert (ids.upload_id(*first) == ids.upload_id(*second)) == (first == second)
