"""A person's word before a version is deployed: the life of the question, and who may answer it how.

::

    WAITING ─► APPROVED(who, why)     the version goes its way: deployed, tried, promoted
       ├─────► REJECTED(who, why)     it never serves, and what was new in its run is not tried again
       └─────► EXPIRED                nobody decided in time: as if rejected

The answer is written once, on condition that nobody answered before: of two operators one wins, and the other
hears who was first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from relearn.errors import FieldError, InvalidDecisionError
from relearn.spec.columns import shown
from relearn.spec.fields import fields_of

if TYPE_CHECKING:
    pass

MAX_WHY = 500
"""Characters of a reason at most."""
REGISTRY = "the Model Registry"
"""Who decided, when someone did by the approval status in the SageMaker Model Registry."""
_FIELDS = ("decision", "why")


class Decision(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    REJECT = "reject"


class ApprovalState(StrEnum):
    """Where the question stands."""

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
    """What was asked about a version, and what was answered.

    Parameters
    ----------
    state
        Where the question stands.
    hours
        How long people had to answer.
    until
        When that time is over: ISO 8601, UTC.
    who, why
        Who answered, and for what reason; the reason of an approval may be empty.
    at
        When, ISO 8601, UTC; empty until then.
    """

    state: ApprovalState = ApprovalState.WAITING
    hours: int
    until: str
    who: str = ""
    why: str = ""
    at: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Approval | None:
        """Read what `dataclasses.asdict` gave; None of None."""
        return None if data is None else cls(**{**data, "state": ApprovalState(data["state"])})

    @property
    def verdict(self) -> Literal["wait", "approve", "reject"]:
        """What it means for the run."""
        return _VERDICTS[self.state]

    @property
    def words(self) -> str:
        """Say in a line how it stands."""
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
        Approve or reject.
    why
        Reason, for people; required to reject.
    """

    decision: Decision
    why: str = ""


def begin(now: datetime, hours: int) -> Approval:
    """Ask for a decision from ``now`` (aware) on."""
    return Approval(hours=hours, until=(now + timedelta(hours=hours)).isoformat(timespec="milliseconds"))


def check_decision(body: object) -> DecisionRequest:
    """Check the JSON body of a decision.

    Parameters
    ----------
    body
        Parsed JSON: ``{"decision": "reject", "why": "..."}``; ``why`` may be left out to approve.

    Raises
    ------
    InvalidDecisionError
        With a JSON pointer for every wrong value.
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
    """Give up a question that nobody answered in time; any other stays as it is."""
    if approval.state is not ApprovalState.WAITING or now < datetime.fromisoformat(approval.until):
        return approval
    return replace(approval, state=ApprovalState.EXPIRED, at=now.isoformat(timespec="milliseconds"))
