"""Records each decision on a version once, then resumes the run that waits for it.

Every decision takes this way: from the API, the Model Registry, a repeated event or the sweep. The order of
writes and reads makes it safe: a decision is written before the token is read, and a token is written before
the decision is read (`lambdas.handlers.ask_approval`), so one of the two sees the other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lambdas.aws.callbacks import Callbacks
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.notify import Notifier
from lambdas.aws.sagemaker.registry import APPROVED, REJECTED, Registry
from relearn.errors import ConflictError, NotFoundError, NotWaitingError
from relearn.lifecycle import decisions
from relearn.lifecycle.approval import REGISTRY, Decision, DecisionRequest
from relearn.lifecycle.runs import RunState, Version

TRIES = 5
"""Conflicting writes of a version after which recording a decision fails."""
_BY_STATUS = {APPROVED: Decision.APPROVE, REJECTED: Decision.REJECT}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Approvals:
    """Records decisions on versions, and resumes the runs that wait for them.

    Parameters
    ----------
    ledger, callbacks, registry, notifier
        Adapters.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    callbacks: Callbacks
    registry: Registry
    notifier: Notifier
    clock: Callable[[], datetime]

    def decide(self, model: str, number: int, asked: DecisionRequest, who: str) -> Version:
        """Record a decision and resume the run; the same decision by the same person again only resumes the run.

        Returns
        -------
        Version
            The version with its decision.

        Raises
        ------
        NotWaitingError
            The version does not wait for a decision; the message has its state and who decided.
        NotFoundError
            The ledger has no such version.
        ConflictError
            `TRIES` other writers in a row changed the version first.
        """
        version = self._decide(model, number, asked, who)
        self.wake(version)
        return version

    def hear(self, model: str, number: int) -> None:
        """Record the Model Registry's decision on a version, which may be a copy of one recorded here.

        Parameters
        ----------
        model, number
            The version; ignored when it is unknown or needs no approval.
        """
        version = self.ledger.version(model, number)
        if version is None or version.approval is None:
            return
        status, why = self.registry.decision(version.package_arn)
        decision = _BY_STATUS.get(status)
        if decision is None:
            return
        try:
            self.decide(model, number, DecisionRequest(decision, why or "no reason given"), REGISTRY)
        except NotWaitingError as error:
            stands = self._version(model, number).approval
            if stands is not None and stands.verdict != decision:
                headline = f"what {REGISTRY} says of version {number}, {status}, has no effect"
                self.notifier.tell("changed", model, headline, str(error))

    def repair(self, model: str) -> None:
        """Continue a waiting run after a lost event or reply: read the registry's decision, or resume the run."""
        lock = self.ledger.lock(model)
        try:
            run = None if lock is None else self.ledger.run(model, lock.run_id)
        except NotFoundError:
            return  # a run that never started
        if run is None or run.state is not RunState.AWAITING_APPROVAL:
            return
        version = self._version(model, run.version)
        if version.awaits_approval:
            self.hear(model, version.version)
        else:
            self.wake(version)

    def wake(self, version: Version) -> None:
        """Resume the run that waits for a version, if the version is decided and a step waits."""
        if version.awaits_approval:
            return
        token = self.ledger.task(version).token
        if token:
            self.callbacks.wake(token)

    def _decide(self, model: str, number: int, asked: DecisionRequest, who: str) -> Version:
        for _ in range(TRIES):
            version = self._version(model, number)
            decided = decisions.decide(version, asked, who, self.clock())
            if decided == version.approval:
                return version
            try:
                version = self.ledger.decide(version, decided)
            except ConflictError:
                continue  # another writer was first, or this decision was written and the reply lost
            self._tell(version)
            return version
        raise ConflictError(f"version {number} of {model} is being written by others; try again")

    def _tell(self, version: Version) -> None:
        if version.approval is None:
            return
        headline = f"version {version.version} {version.approval.state.lower()} by {version.approval.who}"
        _log.info("%s", headline, extra={"model": version.model, "version": version.version})
        self.notifier.tell("changed", version.model, headline, version.approval.why or "no reason given")

    def _version(self, model: str, number: int) -> Version:
        version = self.ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"model {model} has no version {number}")
        return version
