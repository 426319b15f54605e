"""One run of a model, played step by step with everything granted."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Book

MORE = Path(__file__).parents[3] / "examples" / "iris" / "more_measurements.csv"
MODEL = "iris"
STEPS = (
    "Open", "Check data", "Train", "Take artifact", "Judge", "Register", "Deploy", "Smoke", "Publish", "Advance", "Watch",
    "Promote", "Retire", "Close",
)  # fmt: skip
UNHEARD = tuple(f"20250101t{number:06}-000000" for number in range(100))
"""Batches whose file arrives while no event does."""


@dataclass(frozen=True)
class Moment:
    """Where a step begins: the ledger, and the run's context (or the event)."""

    book: Book
    context: Any


Moments = dict[str, Moment]


def play(bench: Bench) -> Moments:
    """Upload a better data set and take its run to the end; what every step began with, and "Rest" after it."""
    _send_unheard(bench)
    event = uploaded(bench, "more.csv", MORE.read_bytes())
    moments = {"Ingest": Moment(bench.ledger.read(), event)}
    bench.invoke("ingest", event)
    book = bench.ledger.read()
    (lock,) = book.of(MODEL, "LOCK")
    context: Any = {"model": MODEL, "run_id": lock["run_id"], "debounce_seconds": 0}
    for step in STEPS:
        moments[step] = Moment(bench.ledger.read(), context)
        context = bench.machine.play(step, context)
        while step == "Deploy" and context["endpoint"]["status"] == "Creating":
            time.sleep(0.2)
            context = bench.machine.play(step, context)
        while step == "Watch" and context["watched"]["verdict"] == "wait":
            time.sleep(0.5)
            context = bench.machine.play(step, context)
    moments["Rest"] = Moment(bench.ledger.read(), context)
    (run,) = (item for item in moments["Rest"].book.of(MODEL, "RUN#") if item["run_id"] == lock["run_id"])
    assert run["state"] == "PROMOTED", run
    return moments


def _send_unheard(bench: Bench) -> None:
    """Send the files of batches, before anything else: they have to grow old."""
    for batch in UNHEARD:
        bench.stage.client("s3").put_object(
            Bucket=bench.stage.outputs["UploadsBucket"],
            Key=f"batches/{MODEL}/{batch}/input.jsonl",
            Body=b"no instance\n",
        )


def uploaded(bench: Bench, name: str, content: bytes, model: str = MODEL) -> dict[str, Any]:
    """Upload an object; the message that ingest would get of it."""
    version = bench.stage.put(model, name, content)
    return message(bench, f"incoming/{model}/{name}", version, len(content))


def message(bench: Bench, key: str, version: str, size: int) -> dict[str, Any]:
    """Write the SQS event of one uploaded version."""
    found = {"key": key, "version-id": version, "size": size, "sequencer": f"{time.time_ns():X}"}
    detail = {"bucket": {"name": bench.stage.outputs["UploadsBucket"]}, "object": found}
    return {"Records": [{"messageId": "1", "body": json.dumps({"detail": detail})}]}
