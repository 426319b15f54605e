"""Lifecycle of runs and model versions: states, legal transitions, and the reason of a failure.

::

    run      DEBOUNCING ─► TRAINING ─► JUDGING ─► [AWAITING_APPROVAL] ─► DEPLOYING ─► [WATCHING] ─► PROMOTED
                 │             │           │               │                              └───────► ROLLED_BACK(reason)
                 │             │           └───────────────┴──────────────────────────────────────► REJECTED(reason)
                 │             └─ any state ──────────────────────────────────────────────────────► FAILED(reason)
                 └────────────────────────────────────────────────────────────────────────────────► EMPTY    no upload was pending any more

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
"""Maximum length of a reason, in bytes."""
QUOTA_ERRORS = (
    "QuotaExceededError",
    "SageMaker.ResourceLimitExceededException",
    "Glue.ResourceNumberLimitExceededException",
)
"""Errors of steps that waited for a resource of which the account's quota allows no more."""
ADVICE = "The run waited for it in vain; `relearn doctor` says which quota to request, and how."
"""Advice that `failure_reason` adds to a quota error."""


class RunState(StrEnum):
    """State of a run."""

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
    """State of a model version."""

    REGISTERED = "REGISTERED"
    LIVE = "LIVE"
    PREVIOUS = "PREVIOUS"
    RETIRED = "RETIRED"
    FAILED = "FAILED"


FINAL = frozenset(
    {RunState.PROMOTED, RunState.REJECTED, RunState.ROLLED_BACK, RunState.FAILED, RunState.EMPTY}
)
"""States in which a run has ended."""
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
        Id of the run, and name of its model.
    state, reason
        State of the run, and its reason; the reason may be empty.
    started_at, ended_at
        Start and end of the run: ISO 8601, UTC; empty until known.
    uploads
        Ids of the uploads that the run was started for.
    snapshot
        Ids of all uploads whose shards the run trains on, in order.
    left_out
        Ids of the uploads that were trained on before and are too old for this run's snapshot
        (`relearn.spec.model.Training.keep_days`).
    champion_version
        Version that served when the run opened; 0 for none.
    reference_version
        Reference that the candidate is compared with beside the champion (`Version.reference_version`); 0
        where that is the champion itself, or there is none.
    version
        Version that the run registered; 0 until then.
    metrics, champion_metrics, reference_metrics
        Metric name to value, all on the same holdout.
    power
        Smallest difference that the evaluation set shows, as `relearn.lifecycle.power.Power.as_dict` returns it;
        empty until the run was judged, and where it is not known.
    comparison
        Difference of candidate and champion with its interval, on all rows, on the known and on the new ones, as
        `relearn.lifecycle.comparison.Comparison.as_dict` returns it; empty until the run was judged, and where it is not
        known.
    duel
        Number of rows on which the candidate is ``better`` than the champion, and ``worse``: one is right and the other
        wrong, or it is closer; empty where they are not compared.
    rows_waiting
        Raw table to the number of rows in the snapshot that are dated after the start of the run, and which
        it therefore did not use; only tables that have such rows.
    online
        Description of the job's online features: ``rows``, ``sha256`` of the file and ``as_of``; empty for a
        model whose requests carry all features.
    artifact_sha256
        SHA-256 (hex) of the ``model.tar.gz`` that was judged; empty until then.
    onnx_sha256
        SHA-256 (hex) of the ONNX graph that the job measured, from its report; empty until the run was
        judged.
    contents_sha256
        Digest (hex) of all files in the artifact (`relearn.data.contents`), from its report; empty until the
        run was judged.
    answers_sha256
        SHA-256 (hex) of the recorded answers (`relearn.data.recorded_answers`) of the job; empty when there
        are none.
    contradicts
        Whether a person has to approve the candidate whatever the spec's policy is: the uploads on trial contradict
        what was held out before, or the champion cannot be compared with.
    becomes_reference
        Whether the candidate, once it serves, is the reference of later ones.
    keeps_uploads
        Whether the candidate was rejected without a sure loss, so that the new uploads stay for the next run.
    blamed
        Id of each new upload that is to blame for the candidate's loss, to the figures; empty when none is known.
    times
        State to the time at which it was reached: ISO 8601, UTC.
    """

    run_id: str
    model: str
    state: RunState = RunState.DEBOUNCING
    reason: str = ""
    started_at: str = ""
    ended_at: str = ""
    uploads: tuple[str, ...] = ()
    snapshot: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    champion_version: int = 0
    reference_version: int = 0
    version: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    champion_metrics: dict[str, float] = field(default_factory=dict)
    reference_metrics: dict[str, float] = field(default_factory=dict)
    power: dict[str, Any] = field(default_factory=dict)
    comparison: dict[str, Any] = field(default_factory=dict)
    duel: dict[str, int] = field(default_factory=dict)
    rows_waiting: dict[str, int] = field(default_factory=dict)
    online: dict[str, Any] = field(default_factory=dict)
    artifact_sha256: str = ""
    onnx_sha256: str = ""
    contents_sha256: str = ""
    answers_sha256: str = ""
    contradicts: bool = False
    becomes_reference: bool = False
    keeps_uploads: bool = False
    blamed: dict[str, str] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One registered model version.

    Parameters
    ----------
    model, version
        Name of the model, and the version number, equal to the SageMaker Model Registry version.
    state, reason
        State of the version, and its reason; the reason may be empty.
    run_id
        Run that trained it.
    package_arn
        ARN of its model package in the Model Registry.
    artifact, artifact_sha256
        S3 URI of its ``model.tar.gz``, and the SHA-256 (hex) of the file that was judged; only that file is
        loaded.
    onnx_sha256
        SHA-256 (hex) of the ONNX graph that was measured; only that graph serves. Empty for versions of
        earlier releases.
    contents_sha256
        Digest (hex) of all files in the artifact (`relearn.data.contents`); only those files serve. Empty for
        versions of earlier releases.
    answers_sha256
        SHA-256 (hex) of the recorded answers that the deployed version has to reproduce; empty when there are
        none.
    endpoint
        Name of its endpoint, or of its model's host function (`relearn.naming.resources.host_function`);
        empty when it has none.
    hosting
        Hosting as `relearn.spec.hosting.to_dict` writes it: the spec's at registration, so that the version
        is deployed in the same way when it is restored.
    online
        ``rows`` and ``as_of`` of its features in the online table; empty when it looks up none.
    metrics
        Metric name to value on the holdout of its run.
    reference_version
        Reference of the candidates that are judged while it serves: the last version, up to this one, that was
        surely better than the champion before it, that was the first, or that a person chose against what the
        figures say. 0: the version itself, as for versions of earlier releases.
    approval
        Approval that it needs before it is deployed; None when it needs none.
    created_at
        Time of registration: ISO 8601, UTC.
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
    reference_version: int = 0
    approval: Approval | None = None
    created_at: str = ""

    @property
    def in_lambda(self) -> bool:
        """Whether it runs in the host function of its model.

        A version without recorded hosting runs on an endpoint.
        """
        return self.hosting.get("type") == InLambda.type

    @property
    def awaits_approval(self) -> bool:
        """Whether a person may still decide about it."""
        asked = self.approval is not None and self.approval.state is ApprovalState.WAITING
        return asked and self.state is VersionState.REGISTERED


def check_transition(old: RunState, new: RunState) -> None:
    """Refuse an illegal transition of a run; a transition to the same state is allowed (a retried step).

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
    """Turn the ``Error`` and ``Cause`` of Step Functions into a reason for people.

    The reason of a quota error ends with `ADVICE`.

    Parameters
    ----------
    error
        Name of the error, e.g. ``"States.TaskFailed"``.
    cause
        Free text, or JSON: a DescribeTrainingJob response, or the error of a Lambda function.

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
    """Describe the end of a Glue job run that has no message of its own; otherwise empty."""
    return (
        f"the run of the Glue job {data['JobName']} ended as {data['JobRunState']}"
        if "JobRunState" in data
        else ""
    )
