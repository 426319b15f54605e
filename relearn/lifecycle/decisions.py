"""Decisions of people about versions that wait for approval."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from relearn.errors import NotWaitingError
from relearn.lifecycle.approval import Approval, ApprovalState, Decision, DecisionRequest

if TYPE_CHECKING:
    from relearn.lifecycle.runs import Version


UNNAMED = "an unnamed caller"
"""Value of `Approval.who` when the caller has no name."""


_AFTER = {Decision.APPROVE: ApprovalState.APPROVED, Decision.REJECT: ApprovalState.REJECTED}


def decide(version: Version, asked: DecisionRequest, who: str, now: datetime) -> Approval:
    """Return the approval of a version after a decision.

    The same decision, with the same reason and by the same person, may be repeated and changes nothing.

    Parameters
    ----------
    version
        Version as the ledger has it.
    asked
        Requested decision.
    who
        Who decides; empty when the caller has no name.
    now
        Current time, time-zone aware.

    Raises
    ------
    NotWaitingError
        The version does not wait for a decision: there is one already, or none is needed.
    """
    answer: dict[str, Any] = {"state": _AFTER[asked.decision], "who": who or UNNAMED, "why": asked.why}
    before = version.approval
    if before is not None and version.awaits_approval:
        return replace(before, **answer, at=now.isoformat(timespec="milliseconds"))
    if before is not None and replace(before, **answer) == before:
        return before
    raise NotWaitingError(standing(version))


def standing(version: Version) -> str:
    """Describe the state of a version that does not wait for a decision, or no longer waits."""
    found, name = version.approval, f"version {version.version} of {version.model}"
    if found is not None and found.state is not ApprovalState.WAITING:
        at = f", at {found.at}" if found.who else ""
        return f"{name} was {found.words}{at}" if found.who else f"{name} {found.words}"
    because = f": {version.reason}" if version.reason else ""
    return f"{name} does not wait for a decision: it is {version.state}{because}"


def refuse_undecided(version: Version) -> None:
    """Refuse to let a version serve that needs an approval and has none.

    Raises
    ------
    NotWaitingError
        Nobody approved the version. While it still waits, the message has the commands that decide.
    """
    found = version.approval
    if found is not None and found.state is not ApprovalState.APPROVED:
        name = f"version {version.version} of {version.model}"
        advice = f"; {how_to(version.model, version.version)}" if version.awaits_approval else ""
        raise NotWaitingError(f"{name} {found.words}{advice}")


def how_to(model: str, version: int) -> str:
    """Return the commands that approve and reject a version."""
    return f'relearn approve {model} {version}, or relearn reject {model} {version} --why "..."'
