"""Derives the outcome of a completed run from the context of its execution."""

from __future__ import annotations

from relearn.lifecycle.run_context import RunContext
from relearn.lifecycle.runs import RunState


def outcome_of(context: RunContext) -> tuple[RunState, str]:
    """Return the final state of a run and its reason, from the context of its execution.

    Parameters
    ----------
    context
        ``proceed``; then ``data``; after judging ``judgement``; after a person's decision ``approval``; after
        each step of a rollout ``watched``. All but ``proceed`` have ``verdict`` and ``reason``.
    """
    if not context["proceed"]:
        return RunState.EMPTY, "nothing was pending any more"
    if stopped_by_its_data(context):
        return RunState.REJECTED, f"before training: {context['data']['reason']}"
    if (watched := context.get("watched")) is not None and watched["verdict"] == "breach":
        return RunState.ROLLED_BACK, watched["reason"]
    judgement, approval = context["judgement"], context.get("approval")
    if approval is not None and approval["verdict"] == "reject":
        return RunState.REJECTED, approval["reason"]
    outcome = RunState.PROMOTED if judgement["verdict"] == "promote" else RunState.REJECTED
    return outcome, "; ".join(part["reason"] for part in (judgement, approval) if part is not None)


def stopped_by_its_data(context: RunContext) -> bool:
    """Return whether the data check ended the run."""
    return bool(context["proceed"]) and context["data"]["verdict"] == "reject"
