"""An id names one thing, and one that has a time sorts by it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.naming import ids

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


@pytest.mark.parametrize("make", [ids.run_id, ids.batch_id, ids.form_id])
def test_an_id_with_a_time_is_the_same_for_the_same_time_and_seed(
    make: Callable[[datetime, str], str],
) -> None:
    at = datetime(2026, 5, 4, 10, 11, 12, tzinfo=UTC)
    assert make(at, "s") == f"20260504t101112-{hashlib.sha256(b's').hexdigest()[:6]}"
    assert make(at, "another") != make(at, "s")


def test_an_id_does_not_depend_on_where_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert ids.run_id(datetime(2026, 5, 4, 10, tzinfo=UTC), "s").startswith("20260504t100000-")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_upload_id_is_the_one_that_ledgers_hold() -> None:
    assert ids.upload_id("b", "k", "v") == hashlib.sha256(b"b\nk\nv").hexdigest()[:32]


def test_ids_are_told_from_each_other_by_their_form() -> None:
    upload = ids.upload_id("b", "k", "v")
    batch = ids.batch_id(datetime(2026, 5, 4, 10, tzinfo=UTC), "s")
    assert (ids.is_upload_id(upload), ids.is_batch_id(batch)) == (True, True)
    assert not any(map(ids.is_upload_id, [batch, upload[1:], upload + "0", upload.upper(), ""]))
    assert not any(map(ids.is_batch_id, [upload, batch[1:], batch + "0", batch.upper(), ""]))
