"""Takes uploads in: SQS messages that each hold an EventBridge ``Object Created`` event, or what a person wants tried again.

A message that fails is reported alone, so that the others of its batch are done with; after the
queue's last attempt it waits in the dead-letter queue, and the sweep sees the upload undecided.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.runtime.sqs_batch import Failures
from lambdas.uploads.exclusions import exclude
from lambdas.uploads.ingestion import Buckets, Intake
from lambdas.uploads.retry import Retrying
from relearn.lifecycle import exclusions, retries

_log = logging.getLogger(__name__)


@cache
def intake() -> Intake:
    """Make the function's one service."""
    config = Config.from_env()
    return Intake(
        ledger=wiring.ledger(config),
        turns=wiring.turns(config),
        queue=wiring.ingest_queue(config),
        storage=wiring.storage(),
        notifier=wiring.notifier(config),
        meter=wiring.meter(config),
        runs=wiring.runs(config),
        specs=catalog.load().specs,
        buckets=Buckets(config.need("UPLOADS_BUCKET"), config.need("LAKE_BUCKET")),
        clock=wiring.now,
    )


@cache
def retrying() -> Retrying:
    """Make what takes up again what ended badly."""
    config = Config.from_env()
    return Retrying(
        ledger=wiring.ledger(config),
        runs=wiring.runs(config),
        intake=intake(),
        bucket=config.need("UPLOADS_BUCKET"),
    )


def take(message: Any, left: Callable[[], float]) -> None:
    """Do what one message asks for, in the seconds that ``left`` says are left."""
    if message.get("detail-type") == retries.ASKED:
        retrying().again(message["detail"], left)
    elif message.get("detail-type") == exclusions.ASKED:
        exclude(wiring.ledger(Config.from_env()), message["detail"])
    else:
        intake().take(message["detail"], left)


@entry
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Take in every message; give those that failed."""

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    failures = Failures(_log)
    for message in event["Records"]:
        with failures.of(message):
            take(json.loads(message["body"]), left)
    return failures.told()
