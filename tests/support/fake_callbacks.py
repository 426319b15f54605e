"""Fake of Step Functions' task tokens behind a real boto3 client; moto has them only in whole machines."""

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
    """Tasks that wait, by token.

    Parameters
    ----------
    waiting
        Tokens that have not been returned.
    woken
        Tokens that were returned, in order.
    failing
        Error code of the next call; "" lets it succeed.
    """

    waiting: set[str] = field(default_factory=set)
    woken: list[str] = field(default_factory=list)
    failing: str = ""
    _begun: int = 0

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer SendTaskSuccess of the session's clients; return a function that detaches the fake."""
        hook = cast("Any", self._answer)
        session.events.register(CALL, hook)
        return lambda: session.events.unregister(CALL, hook)

    def begin(self) -> str:
        """Start a waiting task and return its token."""
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
