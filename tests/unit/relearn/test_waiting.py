"""What is still to come of a model's uploads, and what was refused meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from relearn.lifecycle import waiting
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState

BEGAN = "2026-05-04T10:00:00.000+00:00"
RUN = Run(run_id="r", model="iris", state=RunState.TRAINING, uploads=("a",), started_at=BEGAN)


def upload(upload_id: str, state: UploadState, **changes: Any) -> Upload:
    one = Upload(
        upload_id=upload_id, model="iris", table="main", key=upload_id, version_id="v", sequencer="1", size_bytes=1,
        state=state, received_at="2026-05-04T09:00:00.000+00:00",
    )  # fmt: skip
    return replace(one, **changes)


@pytest.mark.parametrize("state", list(UploadState))
def test_what_is_checked_and_what_is_accepted_after_the_newest_run_is_to_come(state: UploadState) -> None:
    in_run, other = upload("a", state), upload("b", state)
    expected = {UploadState.RECEIVED: [in_run, other], UploadState.ACCEPTED: [other]}
    assert waiting.to_come([in_run, other], RUN) == expected.get(state, [])


def test_what_a_run_came_to_no_decision_about_waits_for_the_next_upload() -> None:
    undecided = replace(upload("c", UploadState.ACCEPTED), run_id="earlier")
    assert waiting.to_come([undecided], RUN) == []


def test_before_the_first_run_everything_accepted_is_to_come() -> None:
    found = [upload("a", UploadState.ACCEPTED)]
    assert waiting.to_come(found, None) == found


def test_an_upload_that_the_newest_run_left_out_as_too_old_says_so() -> None:
    now = datetime.fromisoformat(BEGAN)
    trained, run = upload("a", UploadState.TRAINED), replace(RUN, uploads=(), left_out=("a",))
    assert (
        waiting.explained(trained, run, now).reason == "run r left it out, as it is older than the spec keeps"
    )
    assert waiting.explained(trained, RUN, now).reason == ""


@pytest.mark.parametrize("state", [UploadState.QUARANTINED, UploadState.FAILED])
@pytest.mark.parametrize(("second", "told"), [("09:59:59.999", False), ("10:00:00.000", True)])
def test_what_ended_badly_since_the_run_began_is_told(state: UploadState, second: str, *, told: bool) -> None:
    one = upload("b", state, times={state: f"2026-05-04T{second}+00:00"})
    assert waiting.refused_since([one], RUN) == ([one] if told else [])


def test_an_end_without_a_time_counts_from_the_arrival() -> None:
    assert waiting.refused_since([upload("b", UploadState.FAILED)], RUN) == []
    late = upload("b", UploadState.FAILED, received_at="2026-05-04T11:00:00.000+00:00")
    assert waiting.refused_since([late], RUN) == [late]


def test_before_the_first_run_every_bad_end_is_told_the_newest_first() -> None:
    ends = [
        upload(
            str(hour), UploadState.FAILED, times={UploadState.FAILED: f"2026-05-04T0{hour}:00:00.000+00:00"}
        )
        for hour in (2, 3, 1)
    ]
    assert [one.upload_id for one in waiting.refused_since(ends, None)] == ["3", "2", "1"]


def test_what_was_in_the_run_or_ended_well_is_not_told_as_refused() -> None:
    late = {"received_at": "2026-05-04T11:00:00.000+00:00"}
    assert waiting.refused_since([upload("a", UploadState.FAILED, **late)], RUN) == []
    assert waiting.refused_since([upload("b", UploadState.EXCLUDED, **late)], RUN) == []


def test_an_object_whose_newer_version_was_taken_is_not_told_as_refused() -> None:
    late = {"received_at": "2026-05-04T11:00:00.000+00:00", "key": "k"}
    refused = upload("b", UploadState.QUARANTINED, sequencer="1", **late)
    mended = upload("c", UploadState.ACCEPTED, sequencer="2", **late)
    assert waiting.refused_since([mended, refused], RUN) == []
    assert waiting.refused_since([refused, mended], RUN) == []


WAITS: dict[str, Any] = {
    "rows_waiting": 2,
    "waits_until": "2026-05-04T12:00:00.000+00:00",
    "known_from": "2026-05-04T11:00:00.000+00:00",
}


def test_an_upload_all_of_whose_rows_wait_says_so_and_why_it_stands_there_besides() -> None:
    late = upload("b", UploadState.ACCEPTED, reason="replaces upload x", **WAITS)
    first, _, second = waiting.explained(late, RUN, datetime.fromisoformat(BEGAN)).reason.partition("; ")
    assert first == "replaces upload x"
    assert second.startswith("2 rows wait for the time that is in them, the first until 2026-05-04T11:00:00Z")


@pytest.mark.parametrize("state", [UploadState.FAILED, UploadState.EXCLUDED, UploadState.SUPERSEDED])
def test_what_has_ended_waits_for_nothing(state: UploadState) -> None:
    late = upload("b", state, reason="by ann", **WAITS)
    assert waiting.explained(late, RUN, datetime.fromisoformat(BEGAN)).reason == "by ann"
