"""A state machine of the stage: standing still, or one step of it at a time, with its own role."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.client import Stage
from tests.e2e.privilege.trial import Broken

STILL = {"StartAt": "Still", "States": {"Still": {"Type": "Succeed"}}}
LONG = {"StartAt": "Long", "States": {"Long": {"Type": "Wait", "Seconds": 20, "End": True}}}
HANDLERS = ("Retry", "Catch", "Next")


class Machine:
    """The deployed state machine's steps."""

    def __init__(self, stage: Stage, output: str = "RetrainStateMachine") -> None:
        self.client = stage.client("stepfunctions")
        self.arn = stage.outputs[output]
        found = self.client.describe_state_machine(stateMachineArn=self.arn)
        self.role: str = found["roleArn"]
        self.states: dict[str, Any] = json.loads(found["definition"])["States"]
        self._steps: dict[str, str] = {}

    def stand_still(self) -> None:
        """Let executions of the stage's own machine begin and end, and do nothing."""
        self._define(STILL)

    def take_long(self) -> None:
        """Let executions of the stage's own machine last 20 s, and do nothing."""
        self._define(LONG)

    @contextmanager
    def only(self, state: str) -> Iterator[Callable[[object], str]]:
        """Let executions of the stage's own machine be one step; give what begins one, and stop what is left of them."""
        alone = {key: value for key, value in self.states[state].items() if key not in HANDLERS}
        self._define({"StartAt": state, "States": {state: {**alone, "End": True}}})
        begun: list[str] = []

        def start(context: object) -> str:
            given = json.dumps(context)
            begun.append(self.client.start_execution(stateMachineArn=self.arn, input=given)["executionArn"])
            return begun[-1]

        try:
            yield start
        finally:
            self.stand_still()
            for execution in begun:
                with suppress(ClientError):  # it has ended
                    self.client.stop_execution(executionArn=execution)

    def succeeded(self, execution: str) -> bool:
        """Tell whether an execution ended well; `Broken` when it ended otherwise."""
        found = self.client.describe_execution(executionArn=execution)
        if found["status"] not in ("RUNNING", "SUCCEEDED"):
            raise Broken(f"the execution {found['status']}: {found.get('error')}: {found.get('cause')}")
        return bool(found["status"] == "SUCCEEDED")

    def start(self, state: str, context: object) -> str:
        """Begin one step of a run; the execution's ARN."""
        if state not in self._steps:
            # Without its retries, so that a refusal shows at once, and without the ways on.
            alone = {key: value for key, value in self.states[state].items() if key not in HANDLERS}
            definition = {"StartAt": state, "States": {state: {**alone, "End": True}}}
            made = self.client.create_state_machine(
                name=f"privilege-{self.arn.rpartition('-')[2]}-{state.replace(' ', '-')}",
                definition=json.dumps(definition),
                roleArn=self.role,
            )
            self._steps[state] = made["stateMachineArn"]
        started = self.client.start_execution(stateMachineArn=self._steps[state], input=json.dumps(context))
        return str(started["executionArn"])

    def play(self, state: str, context: object) -> Any:
        """Do one step of a run with the machine's role; the context it leaves."""
        execution = self.start(state, context)
        while (found := self.client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.03)
        if found["status"] != "SUCCEEDED":
            raise Broken(f"{state}: {found.get('error')}: {found.get('cause')}")
        return json.loads(found["output"])

    def _define(self, definition: object) -> None:
        self.client.update_state_machine(stateMachineArn=self.arn, definition=json.dumps(definition))
