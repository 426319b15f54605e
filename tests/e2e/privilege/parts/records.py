"""Prediction records: what predict sends, and the function that puts it into the lake."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.parts.ingest import QUEUE, read_queue
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

AT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def record(bench: Bench, moments: Moments) -> Part:
    book = moments["Rest"].book

    def take(body: str) -> None:
        failed = bench.invoke("record", {"Records": [{"messageId": "1", "body": body}]})["batchItemFailures"]
        if failed:
            raise Broken(f"not taken in: {failed}")

    def a_record_comes_twice() -> None:
        bench.ledger.write(book)
        body = _message()
        take(body)
        take(body)

    return Part(bench.of_function("record", *QUEUE), [a_record_comes_twice])


def queue(bench: Bench, moments: Moments) -> Part:
    def message() -> str:
        bench.ledger.write(moments["Rest"].book)
        return _message()

    return read_queue(bench, "record", message)


def _message() -> str:
    """Write a record that is no other's."""
    return json.dumps(
        {
            "id": f"{AT:%Y%m%dt%H%M%S}-{time.time_ns() % 16**12:012x}",
            "model": MODEL,
            "version": 1,
            "at": AT.isoformat(timespec="milliseconds"),
            "request_id": "privilege",
            "latency_ms": 1.0,
            "inputs": [{"sepal_length": 5.1}],
            "outputs": [{"label": "setosa", "probabilities": {"setosa": 1.0}}],
        }
    )


PARTS = {"record": record, "record_queue": queue}
