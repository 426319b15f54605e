"""Applies the decision about a version to the Model Registry and to the run, which continues or ends.

The decision is read from the ledger, never from who woke the step: that may have been its time limit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.sagemaker.registry import Registry
from relearn.errors import ConflictError, NotFoundError
from relearn.lifecycle import approval, decisions
from relearn.lifecycle.approval import Approval
from relearn.lifecycle.runs import RunState, Version
from relearn.traffic import route


class ApprovalDecisions:
    """Applies decisions about versions.

    Parameters
    ----------
    ledger, registry
        Adapters.
    clock
        Returns the time, aware.
    """

    def __init__(self, *, ledger: Ledger, registry: Registry, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._registry = registry
        self._clock = clock

    def heed(self, model: str, run_id: str, number: int) -> dict[str, str]:
        """Say how a run goes on.

        Returns
        -------
        dict
            ``verdict`` (approve, reject or wait) and ``reason``.

        Raises
        ------
        ConflictError
            What the version was judged against no longer serves; or someone decided right now.
        FrozenRouteError
            Someone froze the route.
        """
        version, found = self._decision(model, number)
        if found.verdict == "wait":
            return {"verdict": "wait", "reason": found.words}
        approved = found.verdict == "approve"
        self._registry.settle(version.package_arn, approved=approved, why=found.words)
        if approved:
            self._go_on(model, run_id, number, found)
            return {"verdict": "approve", "reason": found.words}
        return {"verdict": "reject", "reason": f"version {number} {found.words}"}

    def _go_on(self, model: str, run_id: str, number: int, found: Approval) -> None:
        """Refuse before anything is deployed what the promotion would refuse; else let the run go on."""
        run = self._ledger.run(model, run_id)
        route.promote(self._ledger.route(model), number, run.champion_version)
        if run.state is RunState.AWAITING_APPROVAL:
            self._ledger.move_run(run, RunState.DEPLOYING, f"{run.reason}; {found.words}")

    def _decision(self, model: str, number: int) -> tuple[Version, Approval]:
        version = self._ledger.version(model, number)
        if version is None or version.approval is None:
            raise NotFoundError(f"nothing was asked about version {number} of {model}")
        found = approval.expire(version.approval, self._clock())
        if found != version.approval:
            version = self._ledger.decide(version, found)
        elif found.verdict == "wait" and not version.awaits_approval:
            raise ConflictError(decisions.standing(version))
        return version, found
