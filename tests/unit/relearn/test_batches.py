"""The life of a batch, and what its transform job's end makes of it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from relearn.errors import IllegalTransitionError
from relearn.lifecycle import batches
from relearn.lifecycle.batches import Batch, BatchState, Repair
from relearn.naming import ids, resources, s3_keys

AT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
LEGAL = {
    (BatchState.WAITING_FOR_FILE, BatchState.RUNNING),
    (BatchState.WAITING_FOR_FILE, BatchState.FAILED),
    (BatchState.RUNNING, BatchState.SUCCEEDED),
    (BatchState.RUNNING, BatchState.FAILED),
}


@pytest.mark.parametrize(("old", "new"), list(itertools.product(BatchState, repeat=2)))
def test_a_batch_goes_forward_and_ends_once(old: BatchState, new: BatchState) -> None:
    if (old, new) in LEGAL:
        batches.check_transition(old, new)
    else:
        with pytest.raises(IllegalTransitionError, match=f"{old} cannot become {new}"):
            batches.check_transition(old, new)


@pytest.mark.parametrize(
    ("status", "state"),
    [("Completed", "SUCCEEDED"), ("Failed", "FAILED"), ("Stopped", "FAILED")],
)
def test_only_a_completed_job_is_a_success(status: str, state: str) -> None:
    found = batches.outcome(status, "why")
    assert found is not None
    assert found[0] == state


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_a_job_under_way_ends_nothing(status: str) -> None:
    assert batches.outcome(status, "") is None


def test_a_failure_keeps_its_reason_in_bounds() -> None:
    found = batches.outcome("Failed", "x" * 2000)
    assert found is not None
    assert (found[1][:28], len(found[1].encode())) == ("the transform job failed: xx", 1000)


def test_a_batch_without_a_job_is_lost_only_after_every_retry() -> None:
    times = {str(BatchState.RUNNING): AT.isoformat()}
    batch = Batch(batch_id="b", model="m", created_at="", state=BatchState.RUNNING, times=times)
    assert not batches.is_lost(batch, AT + timedelta(minutes=30))
    assert batches.is_lost(batch, AT + timedelta(minutes=31))


WAITING = Batch(batch_id="b", model="m", created_at=AT.isoformat())


@pytest.mark.parametrize(
    ("minutes", "needs"),
    [(0, None), (2, None), (3, Repair.HAND_ON), (359, Repair.HAND_ON), (361, Repair.GIVE_UP)],
)
def test_a_file_without_a_decision_is_handed_on_for_hours(minutes: int, needs: Repair | None) -> None:
    stored_at = AT + timedelta(hours=1)
    assert batches.repair(WAITING, stored_at, stored_at + timedelta(minutes=minutes)) is needs


@pytest.mark.parametrize(("minutes", "needs"), [(0, None), (90, None), (91, Repair.EXPIRE)])
def test_a_batch_without_a_file_ends_some_time_after_its_form(minutes: int, needs: Repair | None) -> None:
    assert batches.repair(WAITING, None, AT + timedelta(minutes=minutes)) is needs


def test_a_transform_jobs_name_is_read_back_and_fits() -> None:
    batch, model = ids.batch_id(AT, "seed"), "m" + "-a1" * 6
    name = resources.transform_job("stage12345", model, batch)
    assert len(name) <= 63
    assert resources.parse_transform_job("stage12345", name) == (model, batch)


@pytest.mark.parametrize(
    "name",
    [
        "relearn-prod-iris-20260504t100000-abcdef",
        "relearn-dev-20260504t100000-abcdef",
        "relearn-dev-iris-20260504t100000-xyz123",
        "relearn-dev-iris",
        "",
    ],
)
def test_what_is_no_batch_of_the_stage_is_not_read(name: str) -> None:
    assert resources.parse_transform_job("dev", name) is None


def test_the_key_of_a_batchs_file_is_read_back_and_no_other_is() -> None:
    key = s3_keys.batch_input_key("iris", "b1")
    assert s3_keys.parse_batch_input(key) == ("iris", "b1")
    for other in ("incoming/iris/input.jsonl", f"{key}.out", "batches/iris/input.jsonl", f"x/{key}"):
        assert s3_keys.parse_batch_input(other) is None


def test_no_file_of_a_batch_lies_where_uploads_are_taken_in() -> None:
    assert s3_keys.parse_incoming(s3_keys.batch_input_key("iris", "b1")) is None


def test_a_result_never_has_the_input_as_its_prefix() -> None:
    key = s3_keys.batch_input_key("iris", "b1")
    assert not s3_keys.batch_output_key("iris", "b1").startswith(key)
