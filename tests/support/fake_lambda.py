"""Fake of Lambda behind a real boto3 client: it records asynchronous invocations and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3

from tests.support.fake_sagemaker import Answer


@dataclass
class FakeLambda:
    """Accepts asynchronous invocations of known functions.

    Parameters
    ----------
    functions
        Names of the functions that exist.
    waiting
        Accepted invocations: function name and event.
    """

    functions: set[str]
    waiting: list[tuple[str, Any]] = field(default_factory=list)

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer every Lambda call of the session's clients; return a function that detaches the fake."""
        answer: Any = self._answer
        session.events.register("before-call.lambda", answer)
        return lambda: session.events.unregister("before-call.lambda", answer)

    def take(self) -> list[tuple[str, Any]]:
        """Return the accepted invocations and forget them."""
        taken, self.waiting = self.waiting, []
        return taken

    def _answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        name = params["url_path"].split("/")[3]
        asynchronous = params["headers"].get("X-Amz-Invocation-Type") == "Event"
        assert (model.name, asynchronous) == ("Invoke", True), f"{model.name} is not expected"
        if name not in self.functions:
            error = {"Code": "ResourceNotFoundException", "Message": f"Function not found: {name}"}
            return Answer(404), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 404}}
        self.waiting.append((name, json.loads(params["body"])))
        return Answer(202), {"StatusCode": 202, "ResponseMetadata": {"HTTPStatusCode": 202}}
