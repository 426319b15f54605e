"""The stage taken apart: nothing happens by itself, every function is called by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.config import Config

from tests.e2e.client import Stage
from tests.e2e.privilege import trial
from tests.e2e.privilege.grants import RoleGrant, of_roles
from tests.e2e.privilege.heard import Listener
from tests.e2e.privilege.hosting import Hosting
from tests.e2e.privilege.ledger import LedgerTable
from tests.e2e.privilege.machine import Machine
from tests.e2e.privilege.online import OnlineTable
from tests.e2e.privilege.trial import Broken

T = TypeVar("T")
TRACE = "xray:PutTraceSegments"
PATIENT_SECONDS = 120.0
SPARE = 3
"""How many times as long what is missing is waited for as it took when it came."""


class Bench:
    """One stage and the hands of its account's administrator.

    Parameters
    ----------
    stage
        A stage at rest, on the laptop cloud.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        table = stage.session.resource("dynamodb", endpoint_url=stage.endpoint_url)
        self.ledger = LedgerTable(table.Table(stage.outputs["LedgerTable"]))
        self.online = OnlineTable(stage)
        self.machine = Machine(stage)
        self.restores = Machine(stage, "RestoreStateMachine")
        self.hosting = Hosting(stage)
        self.topic = Listener(stage)
        self._took: dict[str, float] = {}
        self.roles = list(of_roles(stage.client("iam"), f"relearn-{stage.name}-"))
        patient = Config(read_timeout=120, retries={"total_max_attempts": 1})
        self._lambda: Any = stage.session.client("lambda", endpoint_url=stage.endpoint_url, config=patient)
        self._configurations: dict[str, Any] = {}

    def stop_everything(self) -> None:
        """Let no event, queue, schedule or state machine move the stage."""
        for rule in self.stage.client("events").list_rules(NamePrefix=f"relearn-{self.stage.name}-")["Rules"]:
            self.stage.client("events").disable_rule(Name=rule["Name"])
        for function in ("ingest", "record", "trial"):
            self.poll_queue(function, enabled=False)
        for machine in (self.machine, self.restores):
            machine.stand_still()

    def poll_queue(self, function: str, *, enabled: bool) -> None:
        """Let a function read its queue, or not."""
        name = self.name(function)
        (mapping,) = self._lambda.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        self._lambda.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def name(self, function: str) -> str:
        return f"relearn-{self.stage.name}-{function}"

    def configuration(self, function: str) -> Any:
        """Describe a function; ``"open-run"``."""
        if function not in self._configurations:
            found = self._lambda.get_function_configuration(FunctionName=self.name(function))
            self._configurations[function] = found
        return self._configurations[function]

    def invoke(self, function: str, event: object) -> Any:
        """Call a function; it must succeed and leave a log."""
        began = time.time()
        answer = self._lambda.invoke(FunctionName=self.name(function), Payload=json.dumps(event, default=str))
        body = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise Broken(f"{function} fails: {body['errorMessage']}")
        self.expect(f"a log of {function}", lambda: self.logged(function, since=began), seconds=0)
        return body

    def restart(self, function: str) -> None:
        """Let the next call of a function find a new process, as after a deployment: nothing is remembered."""
        timeout = self.configuration(function)["Timeout"]
        self._lambda.update_function_configuration(FunctionName=self.name(function), Timeout=timeout)

    def logged(self, function: str, *, since: float) -> bool:
        """Tell whether a function wrote into its log since then."""
        group = self.configuration(function)["LoggingConfig"]["LogGroup"]
        return self.lines(group, since=since)

    def is_quiet(self, function: str, *, seconds: float) -> bool:
        """Tell whether a function wrote nothing into its log for a while: what called it before is over."""
        return not self.logged(function, since=self.now() - seconds)

    def lines(self, group: str, prefix: str = "", *, since: float = 0) -> bool:
        """Tell whether there are lines in a log group, in streams whose name starts with ``prefix``."""
        logs = self.stage.client("logs")
        streams = {"logStreamNamePrefix": prefix} if prefix else {}
        try:
            found = logs.filter_log_events(
                logGroupName=group, startTime=int(since * 1000), limit=1, **streams
            )
        except logs.exceptions.ResourceNotFoundException:
            return False
        return bool(found["events"])

    def forget_logs(self, group: str) -> None:
        """As in an account in which nothing wrote to this log group yet."""
        logs = self.stage.client("logs")
        try:
            logs.delete_log_group(logGroupName=group)
        except logs.exceptions.ResourceNotFoundException:
            return

    def expect(self, what: str, look: Callable[[], T | None], *, seconds: float) -> T:
        """Look until something is there; `Broken` when it does not come.

        While nothing that is needed is deleted it may take its time; and without a grant it gets ``seconds``, or several times
        as long as it took with all of them: a busy machine is no proof of either.
        """
        began = time.monotonic()
        limit = PATIENT_SECONDS if trial.complete() else max(seconds, SPARE * self._took.get(what, 0.0))
        while not (seen := look()):
            if time.monotonic() > began + limit:
                raise Broken(f"did not see {what}")
            time.sleep(0.05)
        if trial.complete():
            self._took[what] = max(self._took.get(what, 0.0), time.monotonic() - began)
        return seen

    @staticmethod
    def now() -> float:
        """Give the time by the clock that logs have, in seconds."""
        return time.time()

    @staticmethod
    def settle(seconds: float) -> None:
        """Let something that takes this long happen."""
        time.sleep(seconds)

    def of_function(self, function: str, *besides: str) -> list[RoleGrant]:
        """Give the grants of a function's role, but those of actions ``besides`` and to be traced."""
        grants = self.of_role(self.configuration(function)["Role"])
        return [grant for grant in grants if grant.action not in (*besides, TRACE)]

    def of_role(self, arn: str, *actions: str) -> list[RoleGrant]:
        """Give the grants of a role; only those of ``actions`` when some are named."""
        name = arn.rpartition("/")[2]
        return [g for g in self.roles if g.role == name and (not actions or g.action in actions)]
