"""A stand-in for Lambda behind a real boto3 client: it keeps what it was given to do later, and does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3

from tests.support.fake_sagemaker import Answer


@dataclass
class FakeLambda:
    """Takes asynchronous invocations of the functions that are there; `waiting` are those to come, by name."""

    functions: set[str]
    waiting: list[tuple[str, Any]] = field(default_factory=list)

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer every Lambda call of the clients that this session makes; give what ends that."""
        answer: Any = self._answer
        session.events.register("before-call.lambda", answer)
        return lambda: session.events.unregister("before-call.lambda", answer)

    def take(self) -> list[tuple[str, Any]]:
        """Give what waits, once."""
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
