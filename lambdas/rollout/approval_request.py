"""Requests a decision on a version from people; the run waits for it with a task token.

The token is kept in the ledger; a repeated step replaces it. A decision resumes the step through the token. A
decision made before the token was written is found here.
"""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.aws.dynamo.ledger import Ledger, Task
from lambdas.aws.notify import Notifier
from lambdas.rollout.approvals import Approvals
from relearn.errors import NotFoundError
from relearn.lifecycle import decisions
from relearn.lifecycle.runs import Run, Version


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalRequests:
    """Requests decisions on versions.

    Parameters
    ----------
    ledger, notifier
        Adapters.
    approvals
        Resumes a run that waits for a decision.
    """

    ledger: Ledger
    notifier: Notifier
    approvals: Approvals

    def ask(self, model: str, number: int, task: Task) -> None:
        """Keep the task token, and notify people that a version waits, or resume the run if it is decided already.

        Raises
        ------
        NotFoundError
            The ledger has no such version.
        ConflictError
            Another attempt of the step wrote its token at the same time.
        """
        version = self._version(model, number)
        if self.ledger.keep_task(version, task) and version.awaits_approval:
            self._tell(version)
        # Read again: nothing else resumes the run after a decision that was made before the token was
        # written.
        self.approvals.wake(self._version(model, number))

    def _tell(self, version: Version) -> None:
        run = self.ledger.run(version.model, version.run_id)
        until = version.approval.until if version.approval else ""
        lines = (
            run.reason,
            *self._contradicting(run),
            f"To decide, type: {decisions.how_to(version.model, version.version)}",
            "Or set its approval status in the SageMaker Model Registry.",
            f"Without a decision it is rejected at {until}.",
        )
        headline = f"version {version.version} waits for approval"
        self.notifier.tell("waiting", version.model, headline, "\n\n".join(lines))

    def _contradicting(self, run: Run) -> list[str]:
        """Return a line for each upload that the training job found to contradict the others."""
        found = []
        for upload_id, figures in run.blamed.items():
            upload = self.ledger.upload(run.model, upload_id)
            name = "" if upload is None else f", {upload.key.rpartition('/')[2]}"
            found.append(f"Upload {upload_id[:12]}{name}: {figures}.")
        return found

    def _version(self, model: str, number: int) -> Version:
        version = self.ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"version {number} of {model} is not in the ledger")
        return version
