"""The life of an upload, which of two versions is newer, and what snapshots are made of."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.data import snapshots
from relearn.errors import DataError, IllegalTransitionError
from relearn.lifecycle import uploads
from relearn.lifecycle.uploads import MAX_ATTEMPTS, TRANSITIONS, Upload, UploadState

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
USABLE = {UploadState.ACCEPTED, UploadState.TRAINED}


def upload(number: int = 1, **changes: Any) -> Upload:
    base = Upload(
        upload_id=f"u{number}",
        model="m",
        table="main",
        key=f"k{number}",
        version_id="v",
        sequencer=f"{number:04X}",
        size_bytes=1,
        received_at=f"{number:03d}",
    )
    return replace(base, **changes)


@st.composite
def histories(draw: st.DrawFn) -> list[Upload]:
    """Uploads of a few objects, in any state."""
    made = draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(UploadState)), max_size=8))
    return [upload(number, key=f"k{key}", state=state) for number, (key, state) in enumerate(made)]


@pytest.mark.parametrize(("old", "new"), list(itertools.product(UploadState, repeat=2)))
def test_only_the_steps_of_an_uploads_life_are_legal(old: UploadState, new: UploadState) -> None:
    if new in TRANSITIONS[old]:
        uploads.check_transition(old, new)
    else:
        with pytest.raises(IllegalTransitionError, match=f"{old} cannot become {new}"):
            uploads.check_transition(old, new)


def test_a_bad_end_is_final() -> None:
    for state in (UploadState.QUARANTINED, UploadState.SUPERSEDED, UploadState.FAILED, UploadState.EXCLUDED):
        assert TRANSITIONS[state] == frozenset()


def test_quarantined_data_can_never_be_trained_on() -> None:
    reachable = {UploadState.QUARANTINED}
    assert not {state for old in reachable for state in TRANSITIONS[old]} & USABLE


@pytest.mark.parametrize(
    ("older", "newer"),
    [("0055", "0056"), ("0055AED6", "0055AED6DC"), ("00", "0001"), ("0a", "0B"), ("9", "A")],
)
def test_sequencers_compare_padded_on_the_right(older: str, newer: str) -> None:
    one, two = upload(1, sequencer=older), upload(2, sequencer=newer)
    assert uploads.newer(one, two) is two
    assert uploads.newer(two, one) is two


def test_a_failed_run_leaves_an_upload_pending_until_it_has_tried_often_enough() -> None:
    found = upload(state=UploadState.ACCEPTED)
    for attempt in range(1, MAX_ATTEMPTS):
        state, reason, attempts = uploads.after_failed_run(found, "broke")
        assert (state, reason, attempts) == (UploadState.ACCEPTED, "", attempt)
        found = replace(found, attempts=attempts)
    state, reason, attempts = uploads.after_failed_run(found, "broke again")
    assert (state, attempts) == (UploadState.FAILED, MAX_ATTEMPTS)
    assert reason == "3 runs with it failed; the last: broke again"


@given(histories())
def test_a_snapshot_holds_the_newest_usable_version_of_every_object_once(found: list[Upload]) -> None:
    chosen = snapshots.select(found, ("main",), NOW)
    by_id = {item.upload_id: item for item in found}
    keys = [by_id[name].key for name in chosen.snapshot]
    assert len(keys) == len(set(keys))
    for item in found:
        if item.state in USABLE:
            winner = next(by_id[name] for name in chosen.snapshot if by_id[name].key == item.key)
            assert winner.sequencer >= item.sequencer
            assert (item.upload_id in chosen.superseded) == (winner is not item)


@given(histories())
def test_what_is_not_usable_is_in_no_snapshot(found: list[Upload]) -> None:
    chosen = snapshots.select(found, ("main",), NOW)
    states = {item.upload_id: item.state for item in found}
    assert {states[name] for name in chosen.snapshot} <= USABLE
    assert {states[name] for name in chosen.new} <= {UploadState.ACCEPTED}
    assert set(chosen.new) <= set(chosen.snapshot)
    assert not set(chosen.superseded) & set(chosen.snapshot)


@given(histories(), st.randoms())
def test_a_snapshot_does_not_depend_on_the_order_of_reading(found: list[Upload], random: Any) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert snapshots.select(shuffled, ("main",), NOW) == snapshots.select(found, ("main",), NOW)


EARLIER, LATER = "2026-05-04T10:00:00.000+00:00", "2026-05-04T10:00:00.001+00:00"
"""The run's clock itself, and the moment after."""


@given(histories(), st.data())
def test_a_snapshot_is_as_if_uploads_of_which_no_row_is_known_had_not_come(
    found: list[Upload], data: st.DataObject
) -> None:
    dated = [replace(one, known_from=data.draw(st.sampled_from(["", EARLIER, LATER]))) for one in found]
    there = [one for one in dated if one.known_from != LATER]
    chosen, without = (snapshots.select(uploads, ("main",), NOW) for uploads in (dated, there))
    assert (chosen.snapshot, chosen.new, chosen.lacking) == (without.snapshot, without.new, without.lacking)


def test_a_version_that_waits_for_its_time_supersedes_none_and_is_superseded_by_a_newer_one() -> None:
    old, late, new = (
        upload(number, key="k", state=UploadState.ACCEPTED, known_from=at)
        for number, at in ((1, ""), (2, LATER), (3, ""))
    )
    assert snapshots.select([old, late], ("main",), NOW).superseded == {}
    assert snapshots.select([late, new], ("main",), NOW).superseded == {"u2": "u3"}


def test_of_two_versions_that_wait_neither_is_superseded_yet() -> None:
    found = [upload(n, key="k", state=UploadState.ACCEPTED, known_from=LATER) for n in (1, 2)]
    assert snapshots.select(found, ("main",), NOW).superseded == {}


@pytest.mark.parametrize(
    ("rows", "known_from", "told"),
    [
        (0, "", ""),
        (2, "", "2 rows wait for the time that is in them, at the latest until 2026-05-04T12:00:00Z"),
        (
            2,
            "2026-05-04T11:00:00.000+00:00",
            (
                "2 rows wait for the time that is in them, the first until 2026-05-04T11:00:00Z, at the latest until "
                "2026-05-04T12:00:00Z: until then no run uses this upload"
            ),
        ),
        (
            1,
            "2026-05-04T12:00:00.000+00:00",
            "1 row waits for the time that is in them, until 2026-05-04T12:00:00Z: until then no run uses this upload",
        ),
        (2, EARLIER, "2 rows wait for the time that is in them, at the latest until 2026-05-04T12:00:00Z"),
    ],
)
def test_an_upload_says_how_many_of_its_rows_wait_and_for_what(rows: int, known_from: str, told: str) -> None:
    until = "2026-05-04T12:00:00.000+00:00" if rows else ""
    assert uploads.waiting(upload(rows_waiting=rows, waits_until=until, known_from=known_from), NOW) == told


def test_the_same_key_in_another_table_is_another_object() -> None:
    found = [upload(n, key="k", table=f"t{n}", state=UploadState.ACCEPTED) for n in (1, 2)]
    assert snapshots.select(found, ("t1", "t2"), NOW).snapshot == ("u1", "u2")


def test_a_snapshot_names_the_tables_it_lacks() -> None:
    found = [upload(1, table="t1", state=UploadState.ACCEPTED), upload(2, table="t2")]
    assert snapshots.select(found, ("t1", "t2", "t3"), NOW).lacking == ("t2", "t3")
    assert snapshots.select(found, ("t1",), NOW).lacking == ()


def test_an_upload_of_a_table_that_the_spec_no_longer_has_is_passed_over() -> None:
    found = [upload(n, table=f"t{n}", state=UploadState.ACCEPTED) for n in (1, 2)]
    assert snapshots.select(found, ("t2",), NOW).snapshot == ("u2",)


def test_a_snapshot_that_the_steps_of_a_run_have_no_time_for_is_refused() -> None:
    found = [upload(n, state=UploadState.TRAINED) for n in range(snapshots.MAX_SHARDS + 1)]
    with pytest.raises(DataError, match="20001 uploads; allowed: 20000") as caught:
        snapshots.select(found, ("main",), NOW)
    assert caught.value.code == "too_many_uploads"


def test_a_manifest_is_what_sagemaker_reads() -> None:
    found = [upload(1), upload(2, table="events")]
    made = snapshots.manifest("s3://lake/datasets/m/", ("u2", "u1"), found)
    assert made == [{"prefix": "s3://lake/datasets/m/"}, "events/u2.parquet", "main/u1.parquet"]


@given(st.lists(st.text()), st.lists(st.text()))
def test_a_snapshots_digest_tells_snapshots_apart(first: list[str], second: list[str]) -> None:
    assert (snapshots.digest(first) == snapshots.digest(second)) == (first == second)
    assert snapshots.digest(first) == snapshots.digest(tuple(first))


CAME = datetime(2026, 5, 4, 10, tzinfo=UTC)


@pytest.mark.parametrize(("sends", "minutes"), [(0, 20), (1, 40), (2, 40), (9, 40), (100, 40)], ids=str)
def test_an_undecided_upload_is_sent_again_after_pauses_that_grow_and_end_growing(
    sends: int, minutes: int
) -> None:
    one = upload(received_at="2026-05-01T00:00:00+00:00", sent_at=CAME.isoformat(), sends=sends)
    due = CAME + timedelta(minutes=minutes)
    assert not uploads.due_again(one, due)
    assert uploads.due_again(one, due + timedelta(seconds=1))


def test_an_upload_that_was_never_sent_again_waits_from_when_it_came() -> None:
    late = CAME + timedelta(minutes=20, seconds=1)
    assert uploads.due_again(upload(received_at=CAME.isoformat()), late)
    retried = upload(received_at="2026-05-01T00:00:00+00:00", times={UploadState.RECEIVED: CAME.isoformat()})
    assert not uploads.due_again(retried, late - timedelta(seconds=1))
    assert uploads.due_again(retried, late)


def test_a_check_that_begins_is_counted_and_says_how_long_it_may_take() -> None:
    begun = uploads.begin_check(upload(checks=2, silent=1), CAME, CAME + timedelta(minutes=15))
    assert (begun.checks, begun.silent, begun.checking_until) == (3, 1, "2026-05-04T10:15:00.000+00:00")


def test_a_check_after_one_that_ended_without_a_word_counts_that_too() -> None:
    cut_off = upload(checks=2, silent=1, checking_until=CAME.isoformat())
    assert uploads.begin_check(cut_off, CAME - timedelta(seconds=1), CAME) is cut_off
    begun = uploads.begin_check(cut_off, CAME, CAME + timedelta(minutes=15))
    assert (begun.checks, begun.silent) == (3, 2)


def test_an_upload_is_given_up_after_so_many_silent_checks_and_no_earlier() -> None:
    assert uploads.hopeless(upload(silent=uploads.MAX_SILENT - 1)) == ""
    said = uploads.hopeless(upload(silent=uploads.MAX_SILENT, checks=99, upload_id="0123456789abcdef"))
    assert said.startswith("4 checks of it were cut off without a word")
    assert said.endswith("; when the cause has gone: relearn retry 0123456789ab")


def test_an_upload_is_given_up_after_so_many_checks_with_the_last_reason() -> None:
    assert uploads.hopeless(upload(checks=uploads.MAX_CHECKS)) == ""
    again = "18 checks of it came to no decision; when the cause has gone: relearn retry u1"
    assert uploads.hopeless(upload(checks=19)) == again
    assert uploads.hopeless(upload(checks=19, reason="S3 is slow")) == f"{again}; the last: S3 is slow"


def aged(
    number: int, newest: str = "", arrived: str = "2026-05-01T00:00:00.000+00:00", **changes: Any
) -> Upload:
    told: dict[str, Any] = {"received_at": arrived, "newest": newest, "state": UploadState.TRAINED} | changes
    return upload(number, **told)


def test_an_upload_is_as_old_as_its_newest_row_and_without_one_as_its_arrival() -> None:
    found = [
        aged(1, "2026-04-04T10:00:00.000+00:00"),
        aged(2, "2026-04-04T09:59:59.999+00:00"),
        aged(3, arrived="2026-04-01T00:00:00.000+00:00"),
        aged(4, arrived="2026-04-05T00:00:00.000+00:00", state=UploadState.ACCEPTED),
        aged(5, "2026-05-04T00:00:00.000+00:00", arrived="2026-01-01T00:00:00.000+00:00"),
    ]
    chosen = snapshots.select(found, ("main",), NOW, {"main": 30})
    assert set(chosen.snapshot) == {"u1", "u4", "u5"}
    assert chosen.new == ("u4",)
    assert chosen.too_old == {
        "u2": "its newest row is of 2026-04-04, and Training(keep_days=30) trains on the 30 days before a run, which began on 2026-05-04",
        "u3": "it arrived on 2026-04-01, and Training(keep_days=30) trains on the 30 days before a run, which began on 2026-05-04",
    }
    assert snapshots.select(found, ("main",), NOW).too_old == {}


@pytest.mark.parametrize("state", list(UploadState))
def test_an_accepted_upload_that_is_older_than_the_spec_keeps_says_that_no_run_trains_on_it(
    state: UploadState,
) -> None:
    one = replace(aged(1, "2026-04-03T23:59:59.999+00:00"), state=state)
    told = snapshots.left_out(one, {"main": 30}, NOW)
    accepted = state in {UploadState.ACCEPTED, UploadState.TRAINED}
    assert told == (
        "its newest row is of 2026-04-03, and Training(keep_days=30) trains on the 30 days before a run"
        if accepted
        else ""
    )


@given(st.integers(0, 60), st.sampled_from([{}, {"main": 30}, {"other": 30}]))
def test_what_is_left_out_is_what_no_run_that_begins_now_would_choose(
    days: int, kept: dict[str, int]
) -> None:
    one = aged(1, (NOW - timedelta(days=days)).isoformat(timespec="milliseconds"))
    chosen = snapshots.select([one], ("main",), NOW, kept)
    assert bool(snapshots.left_out(one, kept, NOW)) is not bool(chosen.snapshot)


def test_an_old_file_of_a_table_whose_rows_are_always_known_stays() -> None:
    found = [
        aged(1, arrived="2020-01-01T00:00:00.000+00:00", table="people"),
        aged(2, "2020-01-01T00:00:00.000+00:00"),
    ]
    chosen = snapshots.select(found, ("people", "main"), NOW, {"main": 30})
    assert (chosen.snapshot, chosen.lacking) == (("u1",), ("main",))


def test_a_version_that_is_too_old_still_supersedes_the_one_before_it() -> None:
    found = [aged(number, f"2020-01-0{number}T00:00:00.000+00:00", key="k") for number in (1, 2)]
    chosen = snapshots.select(found, ("main",), NOW, {"main": 30})
    assert (chosen.snapshot, list(chosen.too_old), chosen.superseded) == ((), ["u2"], {"u1": "u2"})
