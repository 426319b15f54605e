"""Interpreter of the Amazon States Language in simulated time; it refuses features that it does not know."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from tests.support.agenda import Agenda
from tests.support.asl_data import UnknownFeatureError, fill, holds, place, read

COMMON = {"Type", "Next", "End", "Comment"}
KNOWN = {
    "Task": {
        *("Resource", "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"),
        *("TimeoutSeconds", "TimeoutSecondsPath"),
    },
    "Wait": {"Seconds", "SecondsPath"},
    "Choice": {"Choices", "Default"},
    "Pass": {"Result", "ResultPath", "Parameters"},
    "Succeed": set[str](),
    "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
}
MOST_STEPS = 3000
"""Maximum number of steps of an execution; AWS ends one after 25,000 events, which ours must not approach."""


class FailedError(Exception):
    """A task failed."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


Done = Callable[[Any | FailedError], None]


class Tasks(Protocol):
    """Executes tasks; calls ``done`` once, now or later."""

    def begin(self, resource: str, payload: Any, context: Mapping[str, Any], done: Done) -> None: ...


@dataclass
class Execution:
    """One execution; ``tries`` counts the attempts of its current state by retrier."""

    name: str
    input: Any
    data: Any
    status: str = "RUNNING"
    state: str = ""
    entered: str = ""
    error: str = ""
    cause: str = ""
    steps: int = 0
    turn: int = 0
    tries: dict[int, int] = field(default_factory=dict)


class Machine:
    """A state machine.

    Parameters
    ----------
    definition
        Its definition.
    tasks, agenda
        Executors of its tasks and of its waits.
    ended
        Called with each execution that has ended.
    """

    def __init__(
        self, definition: Mapping[str, Any], tasks: Tasks, agenda: Agenda, ended: Callable[[Execution], None]
    ) -> None:
        self._states: Mapping[str, Any] = definition["States"]
        self._start: str = definition["StartAt"]
        self._tasks = tasks
        self._agenda = agenda
        self._ended = ended
        for name, state in self._states.items():
            refuse_unknown(name, state)

    def start(self, name: str, given: Any) -> Execution:
        execution = Execution(name, given, copy.deepcopy(given))
        self._go(execution, self._start)
        return execution

    def stop(self, execution: Execution, status: str, error: str, cause: str) -> None:
        """End a running execution in whatever state it is."""
        if execution.status == "RUNNING":
            execution.status, execution.error, execution.cause = status, error, cause
            self._ended(execution)

    def _go(self, execution: Execution, state: str, seconds: float = 0) -> None:
        execution.state, execution.tries = state, {}
        execution.entered = (self._agenda.clock.now + timedelta(seconds=seconds)).isoformat()
        self._agenda.after(seconds, "step", lambda: self._step(execution))

    def _step(self, execution: Execution) -> None:
        if execution.status != "RUNNING":
            return
        execution.steps += 1
        if execution.steps > MOST_STEPS:
            self.stop(execution, "FAILED", "States.Runtime", "too many steps")
            return
        state = self._states[execution.state]
        data, context = execution.data, self._context(execution)
        match state["Type"]:
            case "Task":
                self._task(execution, state, context)
            case "Wait":
                path = state.get("SecondsPath")
                wait = read(path, data, context) if path else state["Seconds"]
                self._go(execution, state["Next"], wait)
            case "Choice":
                found = (rule["Next"] for rule in state["Choices"] if holds(rule, data, context))
                self._go(execution, next(found, None) or state["Default"])
            case "Pass":
                told = fill(state.get("Parameters", data), data, context)
                result = state.get("Result", told)
                execution.data = place(state.get("ResultPath", "$"), data, result)
                self._next(execution, state)
            case "Succeed":
                self.stop(execution, "SUCCEEDED", "", "")
            case _:
                said = {name: _said(state, name, data, context) for name in ("Error", "Cause")}
                self.stop(execution, "FAILED", said["Error"], said["Cause"])

    def _context(self, execution: Execution) -> dict[str, Any]:
        token = f"{execution.name}:{execution.state}:{execution.steps}"
        return {
            "Execution": {"Name": execution.name, "Input": execution.input},
            "State": {"EnteredTime": execution.entered, "RetryCount": sum(execution.tries.values())},
            "Task": {"Token": token},
        }

    def _next(self, execution: Execution, state: Mapping[str, Any]) -> None:
        if state.get("End"):
            self.stop(execution, "SUCCEEDED", "", "")
        else:
            self._go(execution, state["Next"])

    def _task(self, execution: Execution, state: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        execution.turn += 1
        turn = execution.turn

        def done(result: Any | FailedError) -> None:
            if execution.turn != turn or execution.status != "RUNNING":
                return  # a late answer, after a timeout or stop
            execution.turn += 1
            if isinstance(result, FailedError):
                self._failed(execution, state, result)
                return
            if "ResultSelector" in state:
                result = fill(state["ResultSelector"], result, context)
            execution.data = place(state.get("ResultPath", "$"), execution.data, result)
            self._next(execution, state)

        path = state.get("TimeoutSecondsPath")
        seconds = read(path, execution.data, context) if path else state.get("TimeoutSeconds")
        if seconds is not None:
            self._agenda.after(seconds, "time-out", lambda: done(FailedError("States.Timeout")))
        payload = fill(state.get("Parameters", execution.data), execution.data, context)
        self._tasks.begin(state["Resource"], payload, context, done)

    def _failed(self, execution: Execution, state: Mapping[str, Any], failure: FailedError) -> None:
        for number, retrier in enumerate(state.get("Retry", ())):
            if not _is_meant(retrier, failure):
                continue
            tries = execution.tries.get(number, 0)
            if tries >= retrier.get("MaxAttempts", 3):
                break
            execution.tries[number] = tries + 1
            wait = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** tries
            wait = min(wait, retrier.get("MaxDelaySeconds", wait))
            self._agenda.after(wait, "step", lambda: self._step(execution))
            return
        for catcher in state.get("Catch", ()):
            if _is_meant(catcher, failure):
                told = {"Error": failure.error, "Cause": failure.cause}
                execution.data = place(catcher.get("ResultPath", "$"), execution.data, told)
                self._go(execution, catcher["Next"])
                return
        self.stop(execution, "FAILED", failure.error, failure.cause)


def refuse_unknown(name: str, state: Mapping[str, Any]) -> None:
    """Refuse a state with features that the interpreter does not know.

    Raises
    ------
    UnknownFeatureError
        With the names of the features.
    """
    known = KNOWN.get(state["Type"])
    unknown = set(state) - COMMON - known if known is not None else {state["Type"]}
    if unknown:
        raise UnknownFeatureError(f"state {name!r}: {', '.join(sorted(unknown))}")


def _is_meant(rule: Mapping[str, Any], failure: FailedError) -> bool:
    errors = rule["ErrorEquals"]
    tasks = "States.TaskFailed" in errors and failure.error != "States.Timeout"
    return failure.error in errors or "States.ALL" in errors or tasks


def _said(state: Mapping[str, Any], name: str, data: Any, context: Mapping[str, Any]) -> str:
    path = state.get(f"{name}Path")
    return str(read(path, data, context) if path else state.get(name, ""))
