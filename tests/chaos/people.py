"""Simulated people: they change routes, and decide about versions that wait for approval."""

from __future__ import annotations

from typing import Any

from relearn.api import operations
from relearn.api.operations import Operation
from relearn.naming import resources
from tests.chaos.calls import DiedError
from tests.chaos.history import Said
from tests.chaos.models import SPECS
from tests.chaos.stage import Stage
from tests.support import gateway
from tests.support.fake_sagemaker import ACCOUNT, REGION
from tests.support.world import STAGE

OK, CONFLICT = 200, 409
LOOK_SECONDS = 900
"""Interval at which they check by themselves, because a notification can be lost."""
AGAIN_SECONDS = 60
REGISTRY_EVERY, REJECT_EVERY = 3, 5
"""Every how many versions they decide in the Model Registry, or reject."""
STATUS = {"approve": "Approved", "reject": "Rejected"}


class People:
    """Decide about waiting versions.

    Parameters
    ----------
    stage
        The stage.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._let_be: set[tuple[str, int]] = set()

    def begin(self) -> None:
        """Start to check and to react to notifications."""
        self._stage.asked = self.look
        self._stage.agenda.every(LOOK_SECONDS, "person", self.look)

    def look(self) -> None:
        """Decide about every waiting version, except those that the fault "approval_unanswered" makes them forget."""
        for model in SPECS:
            for version in self._stage.world.ledger.versions(model):
                if version.awaits_approval:
                    self._consider(model, version.version)

    def _consider(self, model: str, number: int) -> None:
        faults = self._stage.faults
        if faults.strikes("approval_unanswered"):
            self._let_be.add((model, number))
        if (model, number) in self._let_be and not faults.stopped:
            return
        if faults.strikes("approval_overtaken"):
            by_hand(
                self._stage, operations.CHANGE_ROUTE, {"action": "rollback", "why": "before all"}, model=model
            )
        said = "approve" if number % REJECT_EVERY else "reject"
        if faults.strikes("approval_by_two"):
            other = "reject" if said == "approve" else "approve"
            self.decide(model, number, said, "ann")
            self.decide(model, number, other, "ben")
        elif faults.strikes("approval_event_lost"):
            self._decide_in_registry(model, number, said, heard=False)
        elif number % REGISTRY_EVERY == 0:
            self._decide_in_registry(model, number, said, heard=True)
        else:
            self.decide(model, number, said, "ann")

    def decide(self, model: str, number: int, decision: str, who: str) -> None:
        """Approve or reject a version through the API, as ``relearn`` does."""
        body = {"decision": decision, "why": "we looked at it"}
        status = by_hand(
            self._stage, operations.DECIDE_VERSION, body, who=who, model=model, version=str(number)
        )
        self._say(model, number, Said(decision, who, accepted=status == OK))
        if status not in (OK, CONFLICT):
            self._stage.agenda.after(AGAIN_SECONDS, "person", self.look)

    def _decide_in_registry(self, model: str, number: int, decision: str, *, heard: bool) -> None:
        sagemaker = self._stage.sagemaker
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{resources.group(STAGE, model)}/{number}"
        status = {"ModelApprovalStatus": STATUS[decision], "ApprovalDescription": "we looked at it"}
        sagemaker.packages[arn] |= status
        self._say(model, number, Said(decision, "the registry", accepted=False))
        if heard:
            sagemaker.changed(arn)

    def _say(self, model: str, number: int, said: Said) -> None:
        self._stage.history.said.setdefault((model, number), []).append(said)
        self._stage.history.note(f"{said} about version {number} of {model}")


def by_hand(stage: Stage, operation: Operation, body: Any, who: str = "ann", **parameters: str) -> int:
    """Call an operation of the API as a person; return the HTTP status, 500 when the function died."""
    event = gateway.event(operation, body, who=f"arn:aws:iam::{ACCOUNT}:user/{who}", **parameters)
    try:
        return int(stage.workers.call("operate", event)["statusCode"])
    except DiedError:
        return 500
