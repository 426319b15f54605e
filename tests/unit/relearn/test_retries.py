"""What may be tried again, where it begins, and what is kept of how it ended."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import NothingToRetryError
from relearn.lifecycle import retries
from relearn.lifecycle.blame import TO_BLAME
from relearn.lifecycle.runs import FINAL, Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState

NOW = "2026-05-04T10:00:00.000+00:00"
UPLOAD = Upload(
    upload_id="0123456789abcdef" * 2,
    model="iris",
    table="main",
    key="incoming/iris/a.csv",
    version_id="v1",
    sequencer="01",
    size_bytes=10,
    received_at="2026-05-01T10:00:00.000+00:00",
)
RUN = Run(run_id="20260504t100000-aaaaaa", model="iris", state=RunState.FAILED, uploads=(UPLOAD.upload_id,))


def upload(state: UploadState, *reached: UploadState, reason: str = "") -> Upload:
    times: dict[str, str] = {
        one: f"2026-05-01T10:00:0{number}.000+00:00" for number, one in enumerate((*reached, state))
    }
    return replace(UPLOAD, state=state, reason=reason, times=times)


@pytest.mark.parametrize(
    ("state", "reached", "begins"),
    [
        (UploadState.QUARANTINED, (), UploadState.RECEIVED),
        (UploadState.FAILED, (), UploadState.RECEIVED),
        (UploadState.FAILED, (UploadState.ACCEPTED,), UploadState.ACCEPTED),
        (UploadState.ACCEPTED, (), UploadState.ACCEPTED),
        (UploadState.RECEIVED, (), UploadState.RECEIVED),
    ],
)
def test_another_try_begins_where_the_shard_says(
    state: UploadState, reached: tuple[UploadState, ...], begins: UploadState
) -> None:
    assert retries.begins_again(upload(state, *reached)) is begins


@pytest.mark.parametrize(
    ("state", "instead"),
    [(UploadState.TRAINED, "nothing to retry"), (UploadState.SUPERSEDED, "upload it again")],
)
def test_what_did_not_end_badly_is_refused_with_what_to_do_instead(state: UploadState, instead: str) -> None:
    with pytest.raises(NothingToRetryError, match=instead):
        retries.begins_again(upload(state))


@given(times=st.integers(1, 4), reason=st.text(max_size=20))
def test_every_earlier_end_is_kept_in_order(times: int, reason: str) -> None:
    one = UPLOAD
    for number in range(times):
        at = f"2026-05-02T10:00:0{number}.000+00:00"
        ended = {**one.times, UploadState.QUARANTINED: at}
        one = replace(one, state=UploadState.QUARANTINED, reason=f"{reason}{number}", times=ended)
        one = replace(one, **retries.begin_again(one, NOW))
    assert [end["reason"] for end in one.earlier] == [f"{reason}{number}" for number in range(times)]
    assert [end["at"] for end in one.earlier] == sorted(end["at"] for end in one.earlier)
    assert (one.state, one.reason, one.times) == (UploadState.RECEIVED, "", {UploadState.RECEIVED: NOW})


def test_an_upload_that_runs_gave_up_has_all_its_tries_again() -> None:
    given_up = replace(upload(UploadState.FAILED, UploadState.ACCEPTED), attempts=3, run_id="r")
    changes = retries.begin_again(given_up, NOW)
    assert (changes["attempts"], changes["run_id"], changes["state"]) == (0, "", UploadState.ACCEPTED)


@pytest.mark.parametrize("state", [UploadState.RECEIVED, UploadState.ACCEPTED])
def test_what_has_not_ended_does_not_begin_again(state: UploadState) -> None:
    with pytest.raises(NothingToRetryError, match="has not ended"):
        retries.begin_again(upload(state), NOW)


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (upload(UploadState.QUARANTINED), "mend it and upload it"),
        (upload(UploadState.FAILED), "upload the file anew"),
        (upload(UploadState.FAILED, UploadState.ACCEPTED), "more data, or code"),
        (
            replace(
                upload(UploadState.FAILED, UploadState.ACCEPTED),
                reason=f"rejected by run r, {TO_BLAME}: figures",
            ),
            "the version waits for a person's approval",
        ),
        (upload(UploadState.ACCEPTED), "a run is started"),
        (upload(UploadState.RECEIVED), "checked at once"),
    ],
    ids=lambda value: value.state if isinstance(value, Upload) else None,
)
def test_the_outlook_says_what_helps(one: Upload, told: str) -> None:
    assert told in retries.outlook(one, datetime.fromisoformat(NOW))


@pytest.mark.parametrize("state", [UploadState.ACCEPTED, UploadState.EXCLUDED, UploadState.FAILED])
def test_the_outlook_of_what_waits_for_its_time_is_no_run_before_it(state: UploadState) -> None:
    late = "2026-05-04T11:00:00.000+00:00"
    one = replace(upload(state, UploadState.ACCEPTED), rows_waiting=1, waits_until=late, known_from=late)
    told = retries.outlook(one, datetime.fromisoformat(NOW))
    assert "when its time has come: 1 row waits" in told
    assert told != retries.outlook(one, datetime.fromisoformat(late))


def test_a_run_leaves_the_uploads_it_was_started_for_and_that_are_not_trained_on() -> None:
    others = [replace(upload(UploadState.FAILED), upload_id="other"), upload(UploadState.FAILED)]
    assert retries.of_run(RUN, others) == [upload(UploadState.FAILED)]


@pytest.mark.parametrize("state", sorted(set(RunState) - FINAL))
def test_a_run_that_goes_on_is_not_tried_again(state: RunState) -> None:
    with pytest.raises(NothingToRetryError, match="relearn wait iris --run"):
        retries.of_run(replace(RUN, state=state), [UPLOAD])


@pytest.mark.parametrize("state", [RunState.PROMOTED, RunState.EMPTY])
def test_a_run_that_ended_well_is_not_tried_again(state: RunState) -> None:
    with pytest.raises(NothingToRetryError, match="nothing to retry"):
        retries.of_run(replace(RUN, state=state), [UPLOAD])


def test_a_run_whose_uploads_were_trained_on_since_says_so() -> None:
    with pytest.raises(NothingToRetryError, match="0123456789ab TRAINED; upload more data"):
        retries.of_run(RUN, [upload(UploadState.TRAINED)])


def test_what_is_written_is_read() -> None:
    tried = replace(UPLOAD, earlier=({"state": "FAILED", "reason": "", "at": NOW},))
    message = json.loads(json.dumps(retries.message("iris", [tried])))
    assert message["detail-type"] == retries.ASKED
    assert retries.parse_detail(message["detail"]) == ("iris", {UPLOAD.upload_id: 1})


def test_the_largest_message_fits_into_a_queue() -> None:
    body = json.dumps(retries.message("m" * 40, [UPLOAD] * retries.MOST))
    assert len(body) < 256 * 1024


def test_a_retry_goes_to_ingest_as_what_it_is() -> None:
    assert retries.message("iris", [UPLOAD]) == {
        "source": "relearn.retry",
        "detail-type": "Relearn Retry Asked",
        "detail": {"model": "iris", "uploads": [{"upload_id": UPLOAD.upload_id, "retries": 0}]},
    }


def test_who_retries_what_was_trained_on_hears_by_which_run() -> None:
    name = "^upload 0123456789ab of iris is TRAINED, by run"
    with pytest.raises(NothingToRetryError, match=f"{name} r1: there is nothing to retry$"):
        retries.begins_again(replace(upload(UploadState.TRAINED), run_id="r1"))
    with pytest.raises(NothingToRetryError, match=f"{name} -: there is nothing to retry$"):
        retries.begins_again(upload(UploadState.TRAINED))


def test_an_upload_taken_up_again_begins_with_nothing_of_its_last_try() -> None:
    worn = replace(
        upload(UploadState.QUARANTINED, reason="no rows"), attempts=3, checks=4, silent=2, checking_until="x", sends=5,
        sent_at="y", run_id="r",
    )  # fmt: skip
    changes = retries.begin_again(worn, NOW)
    nothing = {
        "reason": "",
        "attempts": 0,
        "checks": 0,
        "silent": 0,
        "checking_until": "",
        "sends": 0,
        "sent_at": "",
        "run_id": "",
    }
    assert {name: changes[name] for name in nothing} == nothing
    ended = {"state": "QUARANTINED", "reason": "no rows", "at": worn.times[UploadState.QUARANTINED]}
    assert changes["earlier"] == (ended,)


def test_an_upload_whose_shard_stands_keeps_when_it_came() -> None:
    failed = upload(UploadState.FAILED, UploadState.RECEIVED, UploadState.ACCEPTED)
    came = failed.times[UploadState.RECEIVED]
    assert retries.begin_again(failed, NOW)["times"] == {
        UploadState.RECEIVED: came,
        UploadState.ACCEPTED: NOW,
    }
    unknown = upload(UploadState.FAILED, UploadState.ACCEPTED)
    assert retries.begin_again(unknown, NOW)["times"] == {
        UploadState.RECEIVED: UPLOAD.received_at,
        UploadState.ACCEPTED: NOW,
    }


def test_of_very_many_earlier_ends_the_last_keep_their_reasons() -> None:
    ends = tuple({"state": "FAILED", "reason": str(number), "at": NOW} for number in range(25))
    kept = retries.begin_again(replace(upload(UploadState.FAILED, reason="now"), earlier=ends), NOW)[
        "earlier"
    ]
    assert [end["reason"] for end in kept] == [""] * 6 + [str(number) for number in range(6, 25)] + ["now"]


def test_an_excluded_upload_whose_shard_stands_is_accepted_again() -> None:
    excluded = upload(UploadState.EXCLUDED, UploadState.ACCEPTED)
    assert retries.begins_again(excluded) is UploadState.ACCEPTED
    assert (
        retries.outlook(excluded, datetime.fromisoformat(NOW))
        == "its shard stands, and it is in the next snapshot again"
    )


def test_a_run_that_left_nothing_says_how_each_upload_stands() -> None:
    name = "^run 20260504t100000-aaaaaa of iris has no upload left to retry:"
    with pytest.raises(NothingToRetryError, match=f"{name} none is known; upload more data$"):
        retries.of_run(RUN, [])
    both = replace(RUN, uploads=(UPLOAD.upload_id, "second"))
    trained = [upload(UploadState.TRAINED), replace(upload(UploadState.EXCLUDED), upload_id="second")]
    with pytest.raises(
        NothingToRetryError, match=f"{name} 0123456789ab TRAINED, second EXCLUDED; upload more data$"
    ):
        retries.of_run(both, trained)


@pytest.mark.parametrize("state", [UploadState.FAILED, UploadState.RECEIVED, UploadState.ACCEPTED])
def test_what_a_run_left_undecided_or_failed_is_tried_again(state: UploadState) -> None:
    assert retries.of_run(RUN, [upload(state)]) == [upload(state)]
