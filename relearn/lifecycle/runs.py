"""The life of a run and of a model version: states, legal transitions, what a failure meant.

::

    run      DEBOUNCING ─► TRAINING ─► JUDGING ─► [AWAITING_APPROVAL] ─► DEPLOYING ─► [WATCHING] ─► PROMOTED
                 │             │           │               │                              └───────► ROLLED_BACK(reason)
                 │             │           └───────────────┴──────────────────────────────────────► REJECTED(reason)
                 │             └─ any state ──────────────────────────────────────────────────────► FAILED(reason)
                 └────────────────────────────────────────────────────────────────────────────────► EMPTY    nothing was pending any more

    version  REGISTERED ─► LIVE ─► PREVIOUS ─► RETIRED
                 └──► FAILED(reason)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from relearn import faults
from relearn.cutting import cut
from relearn.errors import IllegalTransitionError
from relearn.lifecycle.approval import Approval, ApprovalState
from relearn.spec.hosting import InLambda

MAX_REASON = 1000
QUOTA_ERRORS = (
    "QuotaExceededError",
    "SageMaker.ResourceLimitExceededException",
    "Glue.ResourceNumberLimitExceededException",
)
"""Errors of steps that waited for something of which the account may have no more."""
ADVICE = "The run waited for it in vain; `relearn doctor` says which quota to request, and how."


class RunState(StrEnum):
    """Where a run stands."""

    DEBOUNCING = "DEBOUNCING"
    TRAINING = "TRAINING"
    JUDGING = "JUDGING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    DEPLOYING = "DEPLOYING"
    WATCHING = "WATCHING"
    PROMOTED = "PROMOTED"
    REJECTED = "REJECTED"
    ROLLED_BACK = "ROLLED_BACK"
    FAILED = "FAILED"
    EMPTY = "EMPTY"


class VersionState(StrEnum):
    """Where a model version stands."""

    REGISTERED = "REGISTERED"
    LIVE = "LIVE"
    PREVIOUS = "PREVIOUS"
    RETIRED = "RETIRED"
    FAILED = "FAILED"


FINAL = frozenset(
    {RunState.PROMOTED, RunState.REJECTED, RunState.ROLLED_BACK, RunState.FAILED, RunState.EMPTY}
)
_ORDER = (
    RunState.DEBOUNCING,
    RunState.TRAINING,
    RunState.JUDGING,
    RunState.AWAITING_APPROVAL,
    RunState.DEPLOYING,
    RunState.WATCHING,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One execution of the retrain state machine.

    Parameters
    ----------
    run_id, model
        Which run, of which model.
    state, reason
        Where it stands, and why.
    started_at, ended_at
        ISO 8601, UTC; empty until known.
    uploads
        Ids of the uploads this run was started for.
    snapshot
        Ids of all uploads it trains on, in order.
    champion_version
        The version that served when the run opened; 0 for none.
    version
        The version it registered; 0 until then.
    metrics, champion_metrics
        Metric name to value on the same holdout.
    rows_waiting
        Raw table to how many rows of the snapshot are dated later than the run began, which it did not see; only tables
        that have such rows.
    online
        What the job says of the features it left to be looked up: ``rows``, ``sha256`` of the file and
        ``as_of``; empty for a model whose requests give them.
    artifact_sha256
        SHA-256 (hex) of the ``model.tar.gz`` that was judged; empty until then.
    onnx_sha256
        SHA-256 (hex) of the graph that the job measured, as its report says; empty until it was judged.
    contents_sha256
        Digest (hex) of all files in it (`relearn.data.contents`), as its report says; empty until it was judged.
    answers_sha256
        SHA-256 (hex) of the answers on record that it gave in its job; empty when there are none.
    times
        When each state was reached: state to ISO 8601, UTC.
    """

    run_id: str
    model: str
    state: RunState = RunState.DEBOUNCING
    reason: str = ""
    started_at: str = ""
    ended_at: str = ""
    uploads: tuple[str, ...] = ()
    snapshot: tuple[str, ...] = ()
    champion_version: int = 0
    version: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    champion_metrics: dict[str, float] = field(default_factory=dict)
    rows_waiting: dict[str, int] = field(default_factory=dict)
    online: dict[str, Any] = field(default_factory=dict)
    artifact_sha256: str = ""
    onnx_sha256: str = ""
    contents_sha256: str = ""
    answers_sha256: str = ""
    times: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One registered model.

    Parameters
    ----------
    model, version
        The integer is the SageMaker Model Registry version.
    state, reason
        Where it stands, and why.
    run_id
        The run that made it.
    package_arn
        Its entry in the Model Registry.
    artifact, artifact_sha256
        S3 URI of its ``model.tar.gz``, and the file's SHA-256 (hex): what is loaded is what was judged.
    onnx_sha256
        SHA-256 (hex) of the graph that was measured: what serves is that; empty for a version of before this was kept.
    contents_sha256
        Digest (hex) of all files in the artifact (`relearn.data.contents`): what serves is that; empty for a version of before
        this was kept.
    answers_sha256
        SHA-256 (hex) of the answers on record that a deployed version has to give again; empty when there are none.
    endpoint
        Name of its endpoint, or of its model's host (`relearn.naming.resources.host_function`); empty when it has none.
    hosting
        Where it runs, as `relearn.spec.hosting` writes it: its spec's when it was registered, so that it runs there
        again when it comes back.
    online
        What is looked up for it: ``rows`` and ``as_of`` of its features in the online table; empty when there
        are none.
    metrics
        Metric name to value on its run's holdout.
    approval
        Whether a person has to approve it before it is deployed, and did; None: nobody has to.
    created_at
        ISO 8601, UTC.
    """

    model: str
    version: int
    state: VersionState = VersionState.REGISTERED
    reason: str = ""
    run_id: str = ""
    package_arn: str = ""
    artifact: str = ""
    artifact_sha256: str = ""
    onnx_sha256: str = ""
    contents_sha256: str = ""
    answers_sha256: str = ""
    endpoint: str = ""
    hosting: dict[str, Any] = field(default_factory=dict)
    online: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    approval: Approval | None = None
    created_at: str = ""

    @property
    def in_lambda(self) -> bool:
        """Whether it runs in the host of its model; one of which nothing was written down has an endpoint."""
        return self.hosting.get("type") == InLambda.type

    @property
    def awaits_approval(self) -> bool:
        """Whether a person may still decide about it."""
        asked = self.approval is not None and self.approval.state is ApprovalState.WAITING
        return asked and self.state is VersionState.REGISTERED


def check_transition(old: RunState, new: RunState) -> None:
    """Refuse a step that a run's life does not have; the same state again is no step (a retry).

    Raises
    ------
    IllegalTransitionError
        ``new`` cannot follow ``old``.
    """
    if old == new:
        return
    forward = new in FINAL or (old in _ORDER and _ORDER.index(new) > _ORDER.index(old))
    if old in FINAL or not forward:
        raise IllegalTransitionError(f"a run that is {old} cannot become {new}")


def failure_reason(error: str, cause: str) -> str:
    """Turn Step Functions' ``Error`` and ``Cause`` into a reason a person can read; for a quota, with advice.

    Parameters
    ----------
    error
        The error's name, e.g. ``"States.TaskFailed"``.
    cause
        Free text, or JSON: a DescribeTrainingJob answer, or a Lambda's error.

    Returns
    -------
    str
        At most `MAX_REASON` bytes.
    """
    try:
        data: Any = json.loads(cause)
    except ValueError:
        data = None
    if isinstance(data, dict):
        if data.get("TrainingJobStatus") == "Stopped":
            cause = f"the training job was stopped ({data.get('SecondaryStatus', 'no detail')})"
        else:
            told = (data.get(key) for key in ("FailureReason", "ErrorMessage", "errorMessage"))
            cause = str(next(filter(None, told), None) or _glue_ended(data) or cause)
    cause = faults.quoted(cause, faults.RUN_DISK)
    reason = f"{error}: {cause}" if cause else error
    if error not in QUOTA_ERRORS:
        return cut(reason, MAX_REASON)
    return f"{cut(reason, MAX_REASON - len(ADVICE) - 1)} {ADVICE}"


def _glue_ended(data: dict[str, Any]) -> str:
    """Say how a run of a Glue job ended that says nothing itself."""
    return (
        f"the run of the Glue job {data['JobName']} ended as {data['JobRunState']}"
        if "JobRunState" in data
        else ""
    )
