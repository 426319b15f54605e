"""Approval of a version before it is deployed: the states of the request, and the check of a decision.

::

    WAITING ─► APPROVED(who, why)     the run continues: deploy, rollout, promote
       ├─────► REJECTED(who, why)     the version never serves, and the run's new uploads are not trained on again
       └─────► EXPIRED                nobody decided in time: treated as a rejection

A decision is written once, on the condition that there is none yet. Of two operators who decide at the same
time one wins, and the error that the other gets names who decided first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from relearn.errors import FieldError, InvalidDecisionError
from relearn.spec.columns import shown
from relearn.spec.fields import fields_of

MAX_WHY = 500
"""Maximum length of a reason, in characters."""
REGISTRY = "the Model Registry"
"""Value of `Approval.who` when the decision is an approval status in the SageMaker Model Registry."""
_FIELDS = ("decision", "why")


class Decision(StrEnum):
    """Decision of a person about a version."""

    APPROVE = "approve"
    REJECT = "reject"


class ApprovalState(StrEnum):
    """State of an approval request."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


_VERDICTS: Mapping[ApprovalState, Literal["wait", "approve", "reject"]] = {
    ApprovalState.WAITING: "wait",
    ApprovalState.APPROVED: "approve",
    ApprovalState.REJECTED: "reject",
    ApprovalState.EXPIRED: "reject",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Approval request for a version, with the decision once there is one.

    Parameters
    ----------
    state
        State of the request.
    hours
        Hours that people have to decide.
    until
        Deadline of the decision: ISO 8601, UTC.
    who, why
        Who decided, and for what reason. Empty before the decision and after an expiry; the reason of an
        approval may be empty.
    at
        Time of the decision or of the expiry: ISO 8601, UTC; empty until then.
    """

    state: ApprovalState = ApprovalState.WAITING
    hours: int
    until: str
    who: str = ""
    why: str = ""
    at: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Approval | None:
        """Read an approval from the dict that `dataclasses.asdict` wrote; None for None."""
        return None if data is None else cls(**{**data, "state": ApprovalState(data["state"])})

    @property
    def verdict(self) -> Literal["wait", "approve", "reject"]:
        """What the state means for the run: an expired request is a rejection."""
        return _VERDICTS[self.state]

    @property
    def words(self) -> str:
        """Describe the state of the request in one line."""
        match self.state:
            case ApprovalState.WAITING:
                return f"waits for a decision until {self.until}"
            case ApprovalState.EXPIRED:
                return f"expired: nobody decided within {self.hours} hours, until {self.until}"
            case _:
                reason = f": {self.why}" if self.why else ""
                return f"{self.state.lower()} by {self.who}{reason}"


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """Request to approve or reject a version.

    Parameters
    ----------
    decision
        Whether to approve or to reject.
    why
        Reason, for people; required for a rejection.
    """

    decision: Decision
    why: str = ""


def begin(now: datetime, hours: int) -> Approval:
    """Return a request that waits for a decision for ``hours`` hours from ``now`` (time-zone aware)."""
    return Approval(hours=hours, until=(now + timedelta(hours=hours)).isoformat(timespec="milliseconds"))


def check_decision(body: object) -> DecisionRequest:
    """Check the JSON body of a decision.

    Parameters
    ----------
    body
        Parsed JSON: ``{"decision": "reject", "why": "..."}``; ``why`` is optional for an approval.

    Raises
    ------
    InvalidDecisionError
        The body has a wrong value; the error has a JSON pointer for each.
    """
    fields, errors = fields_of(body, _FIELDS, InvalidDecisionError)
    decision, why = fields.get("decision"), fields.get("why", "")
    if decision not in list(Decision):
        errors.append(
            FieldError("/decision", f"got {shown(decision)}; allowed: one of {', '.join(Decision)}")
        )
    least = 0 if decision == Decision.APPROVE else 1
    if not isinstance(why, str) or len(why.strip()) < least or len(why) > MAX_WHY:
        errors.append(
            FieldError("/why", f"got {shown(why)}; allowed: a reason of {least} to {MAX_WHY} characters")
        )
    if errors:
        raise InvalidDecisionError(tuple(errors))
    return DecisionRequest(Decision(str(decision)), str(why).strip())


def expire(approval: Approval, now: datetime) -> Approval:
    """Return the approval as EXPIRED if it still waits after its deadline; otherwise unchanged."""
    if approval.state is not ApprovalState.WAITING or now < datetime.fromisoformat(approval.until):
        return approval
    return replace(approval, state=ApprovalState.EXPIRED, at=now.isoformat(timespec="milliseconds"))
