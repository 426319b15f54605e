"""Steps that wait for a task token, behind a real boto3 client: moto has none without running whole state machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import boto3

CALL = "before-call.stepfunctions.SendTaskSuccess"


@dataclass
class Answer:
    status_code: int


@dataclass
class FakeCallbacks:
    """The steps that wait, by their tokens; `failing` names the error that the next call ends with."""

    waiting: set[str] = field(default_factory=set)
    woken: list[str] = field(default_factory=list)
    failing: str = ""
    _begun: int = 0

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer SendTaskSuccess for the clients that this session makes; give what ends that."""
        hook = cast("Any", self._answer)
        session.events.register(CALL, hook)
        return lambda: session.events.unregister(CALL, hook)

    def begin(self) -> str:
        """Let a step wait; give its token."""
        self._begun += 1
        token = f"secret-token-{self._begun}"
        self.waiting.add(token)
        return token

    def _answer(self, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        token = json.loads(params["body"])["taskToken"]
        failing, self.failing = self.failing, ""
        if failing or token not in self.waiting:
            error = {"Code": failing or "TaskDoesNotExist", "Message": "refused"}
            return Answer(400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        self.waiting.discard(token)
        self.woken.append(token)
        return Answer(200), {"ResponseMetadata": {"HTTPStatusCode": 200}}
