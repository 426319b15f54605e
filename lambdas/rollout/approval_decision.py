"""Applies the decision on a version to the Model Registry and to the run, which continues or ends.

The decision is read from the ledger. The event that resumed the step says nothing about it: it may have been
the time limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.sagemaker.registry import Registry
from relearn.errors import ConflictError, NotFoundError
from relearn.lifecycle import approval, decisions
from relearn.lifecycle.approval import Approval
from relearn.lifecycle.run_context import Decided
from relearn.lifecycle.runs import RunState, Version
from relearn.traffic import route


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalDecisions:
    """Applies decisions on versions.

    Parameters
    ----------
    ledger, registry
        Adapters.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    registry: Registry
    clock: Callable[[], datetime]

    def heed(self, model: str, run_id: str, number: int) -> Decided:
        """Apply the decision on a version, and return it; after the time limit the version is rejected.

        Returns
        -------
        Decided
            ``verdict`` (approve, reject or wait) and ``reason``.

        Raises
        ------
        NotFoundError
            No decision on the version was requested.
        ConflictError
            The champion that the version was judged against no longer serves, or another writer decided at
            the same time.
        FrozenRouteError
            A person froze the route.
        """
        version, found = self._decision(model, number)
        if found.verdict == "wait":
            return {"verdict": "wait", "reason": found.words}
        approved = found.verdict == "approve"
        self.registry.settle(version.package_arn, approved=approved, why=found.words)
        if approved:
            self._go_on(model, run_id, number, found)
            return {"verdict": "approve", "reason": found.words}
        return {"verdict": "reject", "reason": f"version {number} {found.words}"}

    def _go_on(self, model: str, run_id: str, number: int, found: Approval) -> None:
        """Check, before anything is deployed, that the promotion would be allowed; then move the run to DEPLOYING."""
        run = self.ledger.run(model, run_id)
        route.promote(self.ledger.route(model), number, run.champion_version)
        if run.state is RunState.AWAITING_APPROVAL:
            self.ledger.move_run(run, RunState.DEPLOYING, f"{run.reason}; {found.words}")

    def _decision(self, model: str, number: int) -> tuple[Version, Approval]:
        version = self.ledger.version(model, number)
        if version is None or version.approval is None:
            raise NotFoundError(f"nothing was asked about version {number} of {model}")
        found = approval.expire(version.approval, self.clock())
        if found != version.approval:
            version = self.ledger.decide(version, found)
        elif found.verdict == "wait" and not version.awaits_approval:
            raise ConflictError(decisions.standing(version))
        return version, found
