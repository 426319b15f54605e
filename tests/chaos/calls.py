"""Records all AWS calls that our code makes through botocore, and lets them fail as a network can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
from moto.core.models import botocore_stubber

from tests.chaos.faults import Faults
from tests.chaos.history import Call, History
from tests.support.fake_sagemaker import Answer

READS = ("Get", "Describe", "List", "Query", "BatchGet", "Head", "Scan")
SERVICES = ("application-autoscaling", "dynamodb", "lambda", "s3", "sagemaker", "sfn", "sns", "sqs")
CLEANING = ("retire", "fail_run", "sweep")
"""Functions that remove endpoints step by step."""
REFUSED = 300
RUNNING = "chaos"
"""Key of a call's record in botocore's request context."""


class DiedError(BaseException):
    """The process was killed; no code under test catches this."""


class Calls:
    """Hooks into every call.

    Parameters
    ----------
    history
        Record of the calls.
    faults
        Faults to apply.
    """

    def __init__(self, history: History, faults: Faults) -> None:
        self._history = history
        self._faults = faults
        self.workers: list[str] = []
        """Running functions; the last is the current one, nested in calls of the others."""
        self.standins: dict[str, Callable[..., Any]] = {}
        """Fakes of services that moto does not answer, by service."""
        self.meanwhile: Callable[[], object] = lambda: None
        """Called when the fault "interleaved" strikes, between two calls of a function."""

    @property
    def worker(self) -> str:
        return self.workers[-1] if self.workers else ""

    @contextmanager
    def nobody(self) -> Iterator[None]:
        """Suspend the running functions, while one waits for its machine."""
        waiting, self.workers = self.workers, []
        try:
            yield
        finally:
            self.workers = waiting

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Hook into all clients that the session creates from now on.

        Return a function that detaches the hooks.
        """
        hooks: dict[str, Any] = {
            "before-parameter-build": self._built,
            # Fakes register for a service by name; such handlers run before general ones.
            **{f"before-call.{service}": self._before for service in SERVICES},
            "before-send": self._sent,
            "after-call": self._after,
        }
        for name, hook in hooks.items():
            session.events.register_first(name, hook)

        def detach() -> None:
            for name, hook in hooks.items():
                session.events.unregister(name, hook)

        return detach

    def _built(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        service = model.service_model.service_id.hyphenize()
        kept = {name: value for name, value in params.items() if name != "Body"}
        call = Call(self._history.clock.now, self.worker, service, model.name, kept)
        context[RUNNING] = call
        self._history.calls.append(call)

    def _before(
        self, model: Any, params: dict[str, Any], context: dict[str, Any], **_: Any
    ) -> tuple[Answer, dict[str, Any]] | None:
        call: Call = context[RUNNING]
        if not self.workers:
            return None
        if self._faults.strikes("interleaved", call.worker, call.operation):
            self.meanwhile()
        if self._faults.strikes("crash_before_a_call", call.worker, call.operation):
            raise DiedError(f"before {call.operation}")
        if self._faults.strikes("call_throttled", call.worker, call.operation):
            error = {"Code": "ThrottlingException", "Message": "Rate exceeded"}
            return Answer(400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        standin = self.standins.get(call.service)
        if (
            standin
            and not reads(call.operation)
            and self._faults.strikes("reply_lost", call.worker, call.operation)
        ):
            answer, _ = standin(model=model, params=params)  # the reply is lost, and botocore calls again
            self._unheard(call, answer.status_code)
        return None

    def _sent(self, event_name: str, request: Any, **_: Any) -> None:
        """Lose the reply to a write: AWS has executed it, and botocore repeats it."""
        operation = event_name.rsplit(".", 1)[1]
        if not self.workers or reads(operation):
            return
        if self._faults.strikes("reply_lost", self.worker, operation):
            answer = botocore_stubber(event_name, request)
            assert answer is not None, "moto answers for every service that has no stand-in"
            self._unheard(request.context[RUNNING], answer.status_code)
            request.reset_stream()

    def _unheard(self, call: Call, status: int) -> None:
        """Record a call whose reply was lost, before its repetition."""
        self._history.calls.insert(-1, replace(call, ok=status < REFUSED))

    def _after(self, http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        call: Call = context[RUNNING]
        call.ok = http_response.status_code < REFUSED
        call.error = "" if call.ok else parsed.get("Error", {}).get("Code", "")
        if (
            call.worker in CLEANING
            and call.operation.startswith("Delete")
            and self._faults.strikes("cleanup_partial")
        ):
            raise DiedError(f"after {call.operation}")
        if self.workers and self._faults.strikes("crash_after_a_call", call.worker, call.operation):
            raise DiedError(f"after {call.operation}")


def reads(operation: str) -> bool:
    """Whether an operation changes nothing."""
    return operation.startswith(READS)
