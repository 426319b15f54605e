"""Dead letters: where a stage keeps what failed every try, and how a letter goes back to what it was for."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli.stage.target import Target
from relearn.errors import NotFoundError

OUTPUTS = ("TrainingDeadLetters", "ServingDeadLetters")
MARK = "relearn-replayed"
"""Attribute of a message that was replayed: when, ISO 8601, UTC."""
MOST = 1000
"""Letters that one call takes out of a box at most."""
AT_ONCE = 10
"""Messages that SQS hands over in one call at most."""
LOOK_SECONDS = 1
"""How long SQS looks for letters: with any time at all it asks every server of a queue, not a few."""
HELD_SECONDS = 120
"""How long a letter is kept from others while it goes back."""
_SAID = ("ErrorMessage", "ERROR_MESSAGE", "ERROR_CODE")
"""Attributes in which Lambda, EventBridge and the scheduler say why they gave up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """The dead letters of one function.

    Parameters
    ----------
    name
        The function's.
    dead
        URL of the queue in which they lie.
    queue
        URL of the queue they came from; empty when they are calls of the function.
    function
        Name of the function; empty when it reads a queue.
    """

    name: str
    dead: str
    queue: str = ""
    function: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    Parameters
    ----------
    box
        Where it lies.
    message
        As SQS gives it.
    """

    box: Box
    message: Mapping[str, Any]

    @property
    def body(self) -> str:
        """What it says."""
        return str(self.message["Body"])

    @property
    def sent_at(self) -> str:
        """When it was sent, ISO 8601, UTC."""
        seconds = int(self.message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))

    @property
    def replayed(self) -> str:
        """When it was replayed before; empty when it was not."""
        return _attribute(self.message, MARK)

    @property
    def said(self) -> str:
        """What the service said that gave it up; empty when it says nothing."""
        return next(filter(None, (_attribute(self.message, name) for name in _SAID)), "")


def boxes(target: Target, name: str | None = None) -> list[Box]:
    """Find where dead letters are.

    Parameters
    ----------
    name
        Only those of this function.

    Raises
    ------
    NotFoundError
        No function of this name has any, or the stage was deployed by a version that did not say where they are.
    """
    found = [
        Box(name=function, **where)
        for output in OUTPUTS
        for function, where in json.loads(target.output(output)).items()
    ]
    chosen = [box for box in found if name in (None, box.name)]
    if not chosen:
        known = ", ".join(box.name for box in found)
        raise NotFoundError(f"no dead letters of {name!r}: got {name!r}; allowed: {known}, or none for all")
    return chosen


class Post:
    """Takes letters out of a box and sends them back.

    Parameters
    ----------
    target
        Whose.
    """

    def __init__(self, target: Target) -> None:
        self._sqs = target.client("sqs")
        self._lambda = target.client("lambda")

    def letters(self, box: Box) -> list[Letter]:
        """Take the letters that are there, `MOST` at most, each once; nobody else gets them for `HELD_SECONDS`.

        All of them before any goes back, so that none that fails again at once is met twice.
        """
        found: list[Letter] = []
        while len(found) < MOST and (messages := self._receive(box)):
            found += [Letter(box, message) for message in messages]
        return found

    def put_back(self, letter: Letter) -> None:
        """Let a letter lie where it was."""
        handle = letter.message["ReceiptHandle"]
        self._sqs.change_message_visibility(
            QueueUrl=letter.box.dead, ReceiptHandle=handle, VisibilityTimeout=0
        )

    def replay(self, letter: Letter) -> None:
        """Send a letter to what it was for, and only then take it away: at the worst it arrives twice."""
        if letter.box.queue:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            attribute = {"DataType": "String", "StringValue": now}
            self._sqs.send_message(
                QueueUrl=letter.box.queue, MessageBody=letter.body, MessageAttributes={MARK: attribute}
            )
        else:
            self._lambda.invoke(
                FunctionName=letter.box.function, InvocationType="Event", Payload=letter.body.encode()
            )
        handle = letter.message["ReceiptHandle"]
        self._sqs.delete_message(QueueUrl=letter.box.dead, ReceiptHandle=handle)

    def _receive(self, box: Box) -> list[Mapping[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=box.dead,
            MaxNumberOfMessages=AT_ONCE,
            VisibilityTimeout=HELD_SECONDS,
            WaitTimeSeconds=LOOK_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))


def _attribute(message: Mapping[str, Any], name: str) -> str:
    return str(message.get("MessageAttributes", {}).get(name, {}).get("StringValue", ""))
