"""Strict fake of SQS (visibility timeouts, receive counts, dead letters) and of Lambda's polling of queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import boto3

from tests.chaos.calls import DiedError
from tests.chaos.history import History
from tests.support.agenda import Agenda
from tests.support.fake_sagemaker import Answer

FULL_SECONDS = 1
"""Seconds until a message is offered again when all places were taken."""
Reader = Callable[[dict[str, Any]], Any]
"""Calls a function with a batch, and raises its error."""


@dataclass
class Message:
    """One message."""

    id: str
    body: str
    tries: int = 0


@dataclass
class Queue:
    """One queue that a function reads.

    Parameters
    ----------
    name
        Its name.
    seconds
        Visibility timeout.
    tries
        Receive count after which a message becomes a dead letter.
    batch
        Maximum batch size.
    window
        Seconds to collect a batch.
    read
        Calls the function.
    places
        Maximum number of concurrent batches; 0 for no limit.
    """

    name: str
    seconds: float
    tries: int
    batch: int
    window: float
    read: Reader
    places: int = 0
    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    planned: bool = False
    hidden: int = 0
    working: int = 0


class Queues:
    """The queues of a stage, by name.

    Parameters
    ----------
    agenda, history
        Schedule of deliveries, and record of their results.
    """

    def __init__(self, agenda: Agenda, history: History) -> None:
        self._agenda = agenda
        self._history = history
        self._sent = 0
        self.queues: dict[str, Queue] = {}

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer every SQS call of the session's clients; return a function that detaches the fake."""
        name, hook = "before-call.sqs", cast("Any", self.answer)
        session.events.register(name, hook)
        return lambda: session.events.unregister(name, hook)

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        given = json.loads(params["body"])
        assert model.name == "SendMessage", f"{model.name} is not expected"
        name, seconds = given["QueueUrl"].rsplit("/", 1)[1], given.get("DelaySeconds", 0)
        sent = self.send(name, given["MessageBody"], seconds)
        return Answer(200), {"MessageId": sent.id, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def send(self, name: str, body: str, seconds: float = 0) -> Message:
        """Send a message with a delay in seconds."""
        self._sent += 1
        message = Message(f"message-{self._sent}", body)
        if seconds:
            self._agenda.after(seconds, "delayed", lambda: self._arrive(self.queues[name], message))
        else:
            self._arrive(self.queues[name], message)
        return message

    def replay(self, name: str) -> int:
        """Send a queue's dead letters to it again, as SQS's redrive does; return their number."""
        queue = self.queues[name]
        letters, queue.dead = queue.dead, []
        for letter in letters:
            self.send(name, letter.body)
        return len(letters)

    def waiting(self) -> bool:
        """Whether any message waits to be delivered, the first time or again."""
        return any(queue.messages or queue.hidden for queue in self.queues.values())

    def longest_seconds(self) -> float:
        """Return the seconds from the first delivery of a message that always fails until it is a dead letter."""
        return max(queue.tries * queue.seconds for queue in self.queues.values())

    def _arrive(self, queue: Queue, message: Message) -> None:
        queue.messages.append(message)
        if not queue.planned:
            queue.planned = True
            self._agenda.after(queue.window, queue.name, lambda: self._deliver(queue))

    def _deliver(self, queue: Queue) -> None:
        queue.planned = False
        if queue.places and queue.working >= queue.places:
            queue.planned = True
            self._agenda.after(FULL_SECONDS, queue.name, lambda: self._deliver(queue))
            return
        batch, queue.messages = queue.messages[: queue.batch], queue.messages[queue.batch :]
        if queue.messages:
            queue.planned = True
            self._agenda.after(0, queue.name, lambda: self._deliver(queue))
        for message in batch:
            message.tries += 1
        if failed := self._failed(queue, batch):
            queue.hidden += len(failed)
            self._agenda.after(queue.seconds, "visible", lambda: self._visible(queue, failed))

    def _failed(self, queue: Queue, batch: list[Message]) -> list[Message]:
        """Let the function process a batch and return the messages that remain."""
        records = [{"messageId": message.id, "body": message.body} for message in batch]
        queue.working += 1
        try:
            answer = queue.read({"Records": records})
        except (Exception, DiedError):  # noqa: BLE001 - whatever it is, Lambda deletes nothing
            return batch
        finally:
            queue.working -= 1
        named = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        return [message for message in batch if message.id in named]

    def _visible(self, queue: Queue, messages: list[Message]) -> None:
        queue.hidden -= len(messages)
        for message in messages:
            if message.tries >= queue.tries:
                queue.dead.append(message)
                self._history.alarms[f"{queue.name}_dead_letters"] += 1
            else:
                self._arrive(queue, message)
