"""Ends a run that went its way, and starts the next one when uploads are waiting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relearn.lifecycle.runs import RunState


def outcome_of(context: Mapping[str, Any]) -> tuple[RunState, str]:
    """Say how a run ended, from what its execution carried along.

    Parameters
    ----------
    context
        ``proceed``, then ``data``, after judging ``judgement``, where a person decides ``approval``, and after each
        step of a rollout ``watched``, all with ``verdict`` and ``reason``.
    """
    if not context["proceed"]:
        return RunState.EMPTY, "nothing was pending any more"
    if stopped_by_its_data(context):
        return RunState.REJECTED, f"before training: {context['data']['reason']}"
    if (watched := context.get("watched", {})).get("verdict") == "breach":
        return RunState.ROLLED_BACK, watched["reason"]
    judgement, approval = context["judgement"], context.get("approval")
    if approval is not None and approval["verdict"] == "reject":
        return RunState.REJECTED, approval["reason"]
    outcome = RunState.PROMOTED if judgement["verdict"] == "promote" else RunState.REJECTED
    return outcome, "; ".join(part["reason"] for part in (judgement, approval) if part is not None)


def stopped_by_its_data(context: Mapping[str, Any]) -> bool:
    """Tell whether the check of its data ended a run."""
    return bool(context["proceed"]) and context["data"]["verdict"] == "reject"
