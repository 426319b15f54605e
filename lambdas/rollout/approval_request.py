"""Asks people for a decision about a version, and lets the run wait for it by a task token.

The token is kept in the ledger; a repeated step keeps the newest. Whoever decides wakes the step; a decision that was
there before the token is found here.
"""

from __future__ import annotations

from lambdas.aws.dynamo.ledger import Ledger, Task
from lambdas.aws.notify import Notifier
from lambdas.rollout.approvals import Approvals
from relearn.errors import NotFoundError
from relearn.lifecycle import decisions
from relearn.lifecycle.runs import Version


class ApprovalRequests:
    """Requests decisions about versions.

    Parameters
    ----------
    ledger, notifier
        Adapters.
    approvals
        Resumes a run that waits for a decision.
    """

    def __init__(self, *, ledger: Ledger, notifier: Notifier, approvals: Approvals) -> None:
        self._ledger = ledger
        self._notifier = notifier
        self._approvals = approvals

    def ask(self, model: str, number: int, task: Task) -> None:
        """Ask about a version, unless there is a decision already.

        Raises
        ------
        ConflictError
            Another attempt of the step wrote its token at the same time.
        """
        version = self._version(model, number)
        if self._ledger.keep_task(version, task) and version.awaits_approval:
            self._tell(version)
        # Read again: what was decided before the token was there, nobody else tells the run of.
        self._approvals.wake(self._version(model, number))

    def _tell(self, version: Version) -> None:
        run = self._ledger.run(version.model, version.run_id)
        until = version.approval.until if version.approval else ""
        lines = (
            run.reason,
            f"To decide, type: {decisions.how_to(version.model, version.version)}",
            "Or set its approval status in the SageMaker Model Registry.",
            f"Without a decision it is rejected at {until}.",
        )
        headline = f"version {version.version} waits for approval"
        self._notifier.tell("waiting", version.model, headline, "\n\n".join(lines))

    def _version(self, model: str, number: int) -> Version:
        version = self._ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"version {number} of {model} is not in the ledger")
        return version
