"""Helpers for tests of prediction records: the queue, the function that reads it, the lake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lambdas import wiring
from lambdas.handlers import record
from lambdas.runtime.config import Config
from relearn.records import predictions
from relearn.records.predictions import Record
from tests.support.world import LAKE, LambdaContext, World


class Queue:
    """A queue of the stage, by default that of prediction records."""

    def __init__(self, world: World, name: str = "records") -> None:
        self._sqs = world.sqs
        self._url = world.sqs.get_queue_url(QueueName=name)["QueueUrl"]

    def take(self) -> list[str]:
        """Receive and delete all messages; return their bodies."""
        bodies = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                bodies.append(message["Body"])
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"content-type": "application/json", "idempotency-key": key}}


def take_in(*bodies: str) -> list[str]:
    """Deliver messages as one batch and return the ids of those that failed."""
    messages = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    answer = record.handler({"Records": messages}, LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def in_the_lake(world: World) -> list[Record]:
    """Return all prediction records of the lake."""
    keys = world.lake("predictions/")
    content = b"".join(world.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in keys)
    return list(predictions.read_records(content.splitlines()))


def message(number: int = 0, model: str = "flowers", day: int = 4) -> str:
    at = datetime(2026, 5, day, 10, 0, number, tzinfo=UTC)
    made = Record(
        id=predictions.record_id(at, str(number)),
        model=model,
        version=1,
        at=at.isoformat(timespec="milliseconds"),
        request_id=f"request-{number}",
        latency_ms=1.5,
        inputs=[{"length": 1.0}, {"length": 2.0}],
        outputs=[{"label": "rose"}, {"label": "tulip"}],
    )
    return predictions.line(made).decode()


def indexed(found: Record) -> dict[str, Any]:
    table = wiring.table(Config.from_env())
    item = table.get(predictions.partition(found.model, found.id), predictions.RECORD)
    assert item is not None
    return {name: value for name, value in item.items() if name not in ("pk", "sk", "claimed_at")}
