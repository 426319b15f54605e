"""An upload that a person takes out of training: what may be, and the message that has it done."""

from __future__ import annotations

import pytest

from relearn.errors import NothingToExcludeError
from relearn.lifecycle import exclusions
from relearn.lifecycle.exclusions import Exclusion
from relearn.lifecycle.uploads import Upload, UploadState

ASKED = Exclusion(model="iris", upload_id="0123456789abcdef", why="wrong units", who="ann")


def upload(state: UploadState) -> Upload:
    return Upload(
        upload_id="0123456789abcdef", model="iris", table="main", key="k", version_id="v", sequencer="1", size_bytes=1,
        state=state, received_at="2026-05-04",
    )  # fmt: skip


@pytest.mark.parametrize("state", [UploadState.ACCEPTED, UploadState.TRAINED])
def test_what_is_or_will_be_trained_on_may_be_excluded(state: UploadState) -> None:
    exclusions.check(upload(state))


@pytest.mark.parametrize(
    "state", [UploadState.QUARANTINED, UploadState.SUPERSEDED, UploadState.FAILED, UploadState.EXCLUDED]
)
def test_what_no_snapshot_would_hold_is_not_excluded(state: UploadState) -> None:
    said = rf"^upload 0123456789ab of iris is {state}: it is in no later snapshot already$"
    with pytest.raises(NothingToExcludeError, match=said):
        exclusions.check(upload(state))


def test_what_is_not_decided_yet_is_excluded_later() -> None:
    said = r"is RECEIVED: it is being checked; exclude it when it is ACCEPTED$"
    with pytest.raises(NothingToExcludeError, match=said):
        exclusions.check(upload(UploadState.RECEIVED))


def test_what_is_asked_for_is_read_as_it_was_written() -> None:
    message = exclusions.message(ASKED)
    assert (message["source"], message["detail-type"]) == (exclusions.SOURCE, exclusions.ASKED)
    assert exclusions.parse_detail(message["detail"]) == ASKED


def test_a_long_reason_and_a_long_name_fit_into_the_message() -> None:
    long = Exclusion(model="iris", upload_id="u", why="y" * 501, who="z" * 201)
    read = exclusions.parse_detail(exclusions.message(long)["detail"])
    assert (read.why, read.who) == ("y" * 500, "z" * 200)


def test_the_ledger_says_who_excluded_it_and_why() -> None:
    assert ASKED.reason == "by ann: wrong units"
    assert Exclusion(model="m", upload_id="u", why="x", who="").reason == "by an unnamed caller: x"
