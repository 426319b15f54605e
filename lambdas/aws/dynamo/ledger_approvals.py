"""The ledger's decisions about versions, and the task tokens of the runs that wait for them.

Both are attributes of the version's item: ``approval``, and ``task`` with a ``token`` and the ``attempt`` that it came
with. The token is read here and given to Step Functions, and is part of no value that anybody is shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lambdas.aws.dynamo.ledger_items import partition, version_key
from lambdas.aws.dynamo.ledger_routes import RouteLedger
from lambdas.aws.dynamo.table import Update
from relearn.lifecycle.approval import Approval, ApprovalState
from relearn.lifecycle.runs import Version, VersionState


@dataclass(frozen=True, slots=True)
class Task:
    """The step of a run that waits for a decision.

    Parameters
    ----------
    token
        By which Step Functions knows it; empty until it began. Never shown, not even in a traceback.
    attempt
        Sorts as attempts follow each other.
    """

    token: str = field(default="", repr=False)
    attempt: str = ""


class ApprovalLedger(RouteLedger):
    """Typed reads and conditional writes of decisions."""

    def decide(self, version: Version, approval: Approval) -> Version:
        """Write down a decision, and that a version which was not approved never serves.

        Raises
        ------
        ConflictError
            Someone decided meanwhile, or the version no longer waits.
        """
        changes: dict[str, Any] = {}
        if approval.verdict == "reject":
            changes = {"state": VersionState.FAILED, "reason": approval.words}
        expected = {"state": VersionState.REGISTERED, "approval.state": ApprovalState.WAITING}
        new = {"approval": asdict(approval), **changes}
        self._table.write(_update(version, new, expected))
        return replace(version, approval=approval, **changes)

    def task(self, version: Version) -> Task:
        """Read which step waits for the decision about a version."""
        item = self._table.get(partition(version.model), version_key(version.version)) or {}
        return Task(**item.get("task", {}))

    def keep_task(self, version: Version, task: Task) -> bool:
        """Write down which step waits, unless a later attempt did before.

        Returns
        -------
        bool
            Whether it is the first.

        Raises
        ------
        ConflictError
            Another attempt wrote at the same time: read again.
        """
        before = self.task(version)
        if task.attempt >= before.attempt:
            expected = {"task.attempt": before.attempt}
            self._table.write(_update(version, {"task": asdict(task)}, expected))
        return not before.attempt


def first_task() -> dict[str, str]:
    """Give what a version's item has before any step waits."""
    return asdict(Task())


def _update(version: Version, changes: dict[str, Any], expected: dict[str, Any]) -> Update:
    pk, sk = partition(version.model), version_key(version.version)
    return Update(pk=pk, sk=sk, changes=changes, expected=expected)
