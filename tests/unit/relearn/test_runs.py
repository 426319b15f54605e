"""The life of a run, and what a failure meant."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import IllegalTransitionError
from relearn.lifecycle import runs
from relearn.lifecycle.runs import FINAL, RunState

ORDER = [
    RunState.DEBOUNCING,
    RunState.TRAINING,
    RunState.JUDGING,
    RunState.AWAITING_APPROVAL,
    RunState.DEPLOYING,
    RunState.WATCHING,
]


@pytest.mark.parametrize(("old", "new"), list(itertools.product(RunState, repeat=2)))
def test_a_run_only_goes_forward_and_ends_once(old: RunState, new: RunState) -> None:
    forward = old not in FINAL and (new in FINAL or ORDER.index(new) > ORDER.index(old))
    if old == new or forward:
        runs.check_transition(old, new)
    else:
        with pytest.raises(IllegalTransitionError):
            runs.check_transition(old, new)


@pytest.mark.parametrize(
    ("error", "cause", "reason"),
    [
        ("States.Timeout", "", "States.Timeout"),
        ("States.TaskFailed", "free text", "States.TaskFailed: free text"),
        (
            "States.TaskFailed",
            json.dumps({"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: too few rows"}),
            "States.TaskFailed: AlgorithmError: too few rows",
        ),
        (
            "States.TaskFailed",
            json.dumps({"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}),
            "States.TaskFailed: the training job was stopped (MaxRuntimeExceeded)",
        ),
        (
            "ConflictError",
            json.dumps({"errorMessage": "version 2 serves", "errorType": "ConflictError"}),
            "ConflictError: version 2 serves",
        ),
        ("E", "[1, 2]", "E: [1, 2]"),
    ],
)
def test_a_failure_is_told_in_words(error: str, cause: str, reason: str) -> None:
    assert runs.failure_reason(error, cause) == reason


@pytest.mark.parametrize("error", runs.QUOTA_ERRORS)
@pytest.mark.parametrize("cause", ["no more", "x" * 5000])
def test_a_used_up_quota_is_told_with_advice_however_long_the_cause(error: str, cause: str) -> None:
    reason = runs.failure_reason(error, cause)
    assert reason.startswith(f"{error}: {cause[:7]}")
    assert reason.endswith("`relearn doctor` says which quota to request, and how.")
    assert len(reason) <= runs.MAX_REASON


@given(st.text(min_size=1), st.text())
def test_a_reason_is_never_too_long_and_never_empty(error: str, cause: str) -> None:
    assert 0 < len(runs.failure_reason(error, cause)) <= runs.MAX_REASON


def test_a_training_job_that_someone_stopped_says_how_far_it_was() -> None:
    stopped = '{"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}'
    assert runs.failure_reason("E", stopped) == "E: the training job was stopped (MaxRuntimeExceeded)"
    unknown = '{"TrainingJobStatus": "Stopped"}'
    assert runs.failure_reason("E", unknown) == "E: the training job was stopped (no detail)"
