"""Dead-letter queues of a stage: reads messages and replays them to the queue or function that failed."""

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
"""Attribute of a replayed message with the time of the replay (ISO 8601, UTC)."""
MOST = 1000
"""Maximum number of messages that one call takes from a dead-letter queue."""
AT_ONCE = 10
"""Maximum number of messages in one SQS receive call."""
LOOK_SECONDS = 1
"""Wait time of a receive call, in seconds.

Any value above 0 makes SQS query all servers of a queue (long polling).
"""
HELD_SECONDS = 120
"""Visibility timeout of a message, in seconds, while it is replayed."""
_SAID = ("ErrorMessage", "ERROR_MESSAGE", "ERROR_CODE")
"""Message attributes in which Lambda, EventBridge and the scheduler give the reason of the failure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetterQueue:
    """The dead-letter queue of one function.

    Parameters
    ----------
    name
        Name of the function, as in `lambdas/handlers`.
    dead
        URL of the dead-letter queue.
    queue
        URL of the source queue; empty when the messages are asynchronous invocations of the function.
    function
        Name of the deployed function; empty when it reads a queue.
    """

    name: str
    dead: str
    queue: str = ""
    function: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a dead-letter queue.

    Parameters
    ----------
    dlq
        Its dead-letter queue.
    message
        The message as SQS returns it.
    """

    dlq: DeadLetterQueue
    message: Mapping[str, Any]

    @property
    def body(self) -> str:
        """Body of the message."""
        return str(self.message["Body"])

    @property
    def sent_at(self) -> str:
        """Time at which it was sent (ISO 8601, UTC, to the second, without a zone)."""
        seconds = int(self.message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))

    @property
    def replayed(self) -> str:
        """Time of its earlier replay (ISO 8601, UTC); empty when there was none."""
        return _attribute(self.message, MARK)

    @property
    def said(self) -> str:
        """The failing service's error; empty when it gave none."""
        return next(filter(None, (_attribute(self.message, name) for name in _SAID)), "")


def dead_letter_queues(target: Target, name: str | None = None) -> list[DeadLetterQueue]:
    """Return the dead-letter queues of a stage.

    Parameters
    ----------
    target
        The stage.
    name
        Name of one function; None returns those of all functions.

    Raises
    ------
    NotFoundError
        When the function has none, or the deployed version has no such outputs.
    """
    found = [
        DeadLetterQueue(name=function, **where)
        for output in OUTPUTS
        for function, where in json.loads(target.output(output)).items()
    ]
    chosen = [dlq for dlq in found if name in (None, dlq.name)]
    if not chosen:
        known = ", ".join(dlq.name for dlq in found)
        raise NotFoundError(f"no dead letters of {name!r}: got {name!r}; allowed: {known}, or none for all")
    return chosen


class Replayer:
    """Receives messages from dead-letter queues and sends them to their source again.

    Parameters
    ----------
    target
        The stage.
    """

    def __init__(self, target: Target) -> None:
        self._sqs = target.client("sqs")
        self._lambda = target.client("lambda")

    def letters(self, dlq: DeadLetterQueue) -> list[DeadLetter]:
        """Receive up to `MOST` messages, hidden from other receivers for `HELD_SECONDS`.

        All are received before any is replayed, so that a message that fails again at once is not received
        twice.
        """
        found: list[DeadLetter] = []
        while len(found) < MOST and (messages := self._receive(dlq)):
            found += [DeadLetter(dlq, message) for message in messages]
        return found

    def put_back(self, letter: DeadLetter) -> None:
        """Make a received message visible in its dead-letter queue again."""
        handle = letter.message["ReceiptHandle"]
        self._sqs.change_message_visibility(
            QueueUrl=letter.dlq.dead, ReceiptHandle=handle, VisibilityTimeout=0
        )

    def replay(self, letter: DeadLetter) -> None:
        """Send a message to its source, then delete it; a failure in between delivers it twice."""
        if letter.dlq.queue:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            attribute = {"DataType": "String", "StringValue": now}
            self._sqs.send_message(
                QueueUrl=letter.dlq.queue, MessageBody=letter.body, MessageAttributes={MARK: attribute}
            )
        else:
            self._lambda.invoke(
                FunctionName=letter.dlq.function, InvocationType="Event", Payload=letter.body.encode()
            )
        handle = letter.message["ReceiptHandle"]
        self._sqs.delete_message(QueueUrl=letter.dlq.dead, ReceiptHandle=handle)

    def _receive(self, dlq: DeadLetterQueue) -> list[Mapping[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=dlq.dead,
            MaxNumberOfMessages=AT_ONCE,
            VisibilityTimeout=HELD_SECONDS,
            WaitTimeSeconds=LOOK_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))


def _attribute(message: Mapping[str, Any], name: str) -> str:
    return str(message.get("MessageAttributes", {}).get(name, {}).get("StringValue", ""))
