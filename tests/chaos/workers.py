"""Functions of a stage as AWS invokes them (task, queue, event), and what AWS does when they fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from itertools import cycle
from typing import Any

from tests.chaos.calls import Calls, DiedError
from tests.chaos.executions import Executions
from tests.chaos.faults import Faults
from tests.chaos.history import History
from tests.chaos.training import Training
from tests.support.agenda import Agenda, Clock
from tests.support.asl import Done, FailedError
from tests.support.world import LambdaContext

ASYNC_PAUSES = (60, 120)
"""Seconds after which Lambda retries a failed asynchronous invocation."""
AFTER_TRAINING = ("judge", "register", "smoke", "promote")
DEATHS = ("Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "Lambda.Unknown")
"""Names of the error, in turn, that Step Functions reports of a function whose time or memory ran out."""
WAIT_FOR_TOKEN = ":states:::lambda:invoke.waitForTaskToken"


@dataclass
class TimedContext(LambdaContext):
    """A function's context, whose remaining time follows the simulated clock."""

    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self._began = self.clock.now

    def get_remaining_time_in_millis(self) -> int:
        passed = (self.clock.now - self._began).total_seconds()
        return max(0, int(1000 * (self.seconds - passed)))


@dataclass(kw_only=True)
class Workers:
    """Invokes functions.

    Parameters
    ----------
    agenda, history, faults, calls
        Parts of the run.
    training, executions
        Executors of tasks that are not functions.
    """

    agenda: Agenda
    history: History
    faults: Faults
    calls: Calls
    training: Training
    executions: Executions
    champion_changes: Callable[[str], bool] = lambda _model: False
    """Rolls a model back as a person; returns whether that was possible."""

    def __post_init__(self) -> None:
        self._deaths = cycle(DEATHS)

    def call(self, name: str, event: Any, *, seconds: float = 300) -> Any:
        """Invoke a function and return its answer after a JSON round trip.

        Raises
        ------
        Exception
            When the function raises it.
        DiedError
            When its process was killed.
        """
        handler = import_module(f"lambdas.handlers.{name}").handler
        self.calls.workers.append(name)
        try:
            context = TimedContext(seconds=seconds, clock=self.agenda.clock)
            return json.loads(json.dumps(handler(json.loads(json.dumps(event)), context)))
        except (Exception, DiedError) as error:
            self.history.alarms[f"{name}_errors"] += 1
            self.history.note(f"{name}: {type(error).__name__}: {error}"[:300])
            raise
        finally:
            self.calls.workers.pop()

    def later(self, name: str, event: Any, tries: int = 0) -> None:
        """Invoke a function asynchronously, as Lambda does with events: with two retries."""
        try:
            self.call(name, event)
        except (Exception, DiedError):  # noqa: BLE001 - whatever it is, Lambda tries again
            if tries < len(ASYNC_PAUSES):
                self.agenda.after(ASYNC_PAUSES[tries], "event", lambda: self.later(name, event, tries + 1))

    def begin(self, resource: str, payload: Any, context: Mapping[str, Any], done: Done) -> None:
        """Execute a task of a state machine."""
        if ":function:" in resource:
            self._task(resource.rpartition(":")[2], payload, done)
        elif resource.endswith(":states:::sagemaker:createTrainingJob.sync"):
            self.training.begin(payload, done)
        elif resource.endswith(":states:::aws-sdk:sagemaker:describeTrainingJob"):
            self.training.describe(payload, done)
        elif resource.endswith(WAIT_FOR_TOKEN):
            self.executions.waiting[context["Task"]["Token"]] = done
            function = payload["FunctionName"].rpartition(":")[2]
            self._task(function, payload["Payload"], lambda result: _only_failures(result, done))
        else:
            raise AssertionError(f"a task of {resource} is not known here")

    def _task(self, name: str, payload: Any, done: Done) -> None:
        if (
            name in AFTER_TRAINING
            and self.faults.strikes("champion_changed")
            and not self.champion_changes(payload["model"])
        ):
            self.faults.hits["champion_changed"] -= 1
        try:
            result = self.call(name, payload)
            if self.faults.strikes("invoked_twice", name):
                result = self.call(name, payload)
            if name == "register" and self.faults.strikes("register_repeated"):
                result = self.call(name, payload)
        except DiedError as error:
            done(FailedError(next(self._deaths), f"RequestId: {name} Error: {error}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the machine hears of it
            told = {"errorMessage": str(error), "errorType": type(error).__name__}
            done(FailedError(type(error).__name__, json.dumps(told)))
        else:
            done(result)


def _only_failures(result: Any | FailedError, done: Done) -> None:
    if isinstance(result, FailedError):
        done(result)
