"""Dead-letter queues of a stage: reads them, and replays messages to the queue or function they were for."""

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
"""Messages that one call takes from a dead-letter queue at most."""
AT_ONCE = 10
"""Messages that SQS hands over in one call at most."""
LOOK_SECONDS = 1
"""How long SQS looks for letters: with any time at all it asks every server of a queue, not a few."""
HELD_SECONDS = 120
"""Visibility timeout of a message, in seconds, while it is replayed."""
_SAID = ("ErrorMessage", "ERROR_MESSAGE", "ERROR_CODE")
"""Attributes in which Lambda, EventBridge and the scheduler say why they gave up."""


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
        Message as SQS returns it.
    """

    dlq: DeadLetterQueue
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


def dead_letter_queues(target: Target, name: str | None = None) -> list[DeadLetterQueue]:
    """Find the dead-letter queues of a stage.

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
        """Receive the messages that are there, `MOST` at most, each once; hidden from others for `HELD_SECONDS`.

        All of them before any goes back, so that none that fails again at once is met twice.
        """
        found: list[DeadLetter] = []
        while len(found) < MOST and (messages := self._receive(dlq)):
            found += [DeadLetter(dlq, message) for message in messages]
        return found

    def put_back(self, letter: DeadLetter) -> None:
        """Return a message to its dead-letter queue."""
        handle = letter.message["ReceiptHandle"]
        self._sqs.change_message_visibility(
            QueueUrl=letter.dlq.dead, ReceiptHandle=handle, VisibilityTimeout=0
        )

    def replay(self, letter: DeadLetter) -> None:
        """Send a message to its source, and only then delete it: at worst it arrives twice."""
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
