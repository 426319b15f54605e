"""Decisions of people about a version that waits for approval."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from relearn.errors import NotWaitingError
from relearn.lifecycle.approval import Approval, ApprovalState, Decision, DecisionRequest

if TYPE_CHECKING:
    from relearn.lifecycle.runs import Version


UNNAMED = "an unnamed caller"


_AFTER = {Decision.APPROVE: ApprovalState.APPROVED, Decision.REJECT: ApprovalState.REJECTED}


def decide(version: Version, asked: DecisionRequest, who: str, now: datetime) -> Approval:
    """Answer the question about a version; the same answer of the same person again changes nothing.

    Parameters
    ----------
    version
        Version as the ledger has it.
    asked
        The answer.
    who
        Whose; empty when nobody says.
    now
        Aware.

    Raises
    ------
    NotWaitingError
        The version does not wait for an answer: someone answered before, or nobody asks.
    """
    answer: dict[str, Any] = {"state": _AFTER[asked.decision], "who": who or UNNAMED, "why": asked.why}
    before = version.approval
    if before is not None and version.awaits_approval:
        return replace(before, **answer, at=now.isoformat(timespec="milliseconds"))
    if before is not None and replace(before, **answer) == before:
        return before
    raise NotWaitingError(standing(version))


def standing(version: Version) -> str:
    """Say how a version stands that waits for no answer, or not any more."""
    found, name = version.approval, f"version {version.version} of {version.model}"
    if found is not None and found.state is not ApprovalState.WAITING:
        at = f", at {found.at}" if found.who else ""
        return f"{name} was {found.words}{at}" if found.who else f"{name} {found.words}"
    because = f": {version.reason}" if version.reason else ""
    return f"{name} does not wait for a decision: it is {version.state}{because}"


def refuse_undecided(version: Version) -> None:
    """Refuse a version that must not serve before someone approves it.

    Raises
    ------
    NotWaitingError
        Nobody approved it; says what to type.
    """
    found = version.approval
    if found is not None and found.state is not ApprovalState.APPROVED:
        name = f"version {version.version} of {version.model}"
        advice = f"; {how_to(version.model, version.version)}" if version.awaits_approval else ""
        raise NotWaitingError(f"{name} {found.words}{advice}")


def how_to(model: str, version: int) -> str:
    """Say what to type."""
    return f'relearn approve {model} {version}, or relearn reject {model} {version} --why "..."'
