"""The function ``ingest``: ingests uploads, retries and excludes them.

Each SQS message holds an EventBridge ``Object Created`` event, or a person's request to retry or exclude
uploads. Only failed messages are retried. After the queue's last attempt a message moves to the dead-letter
queue, and the sweep sees the undecided upload.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.runtime.sqs_batch import Failures
from lambdas.uploads.exclusions import exclude
from lambdas.uploads.ingestion import Buckets, Ingestion
from lambdas.uploads.retry import RetryRequests
from relearn.lifecycle import exclusions, retries
from relearn.naming.environment import Variable

_log = logging.getLogger(__name__)


@once_per_process
def ingestion() -> Ingestion:
    """Construct the service that ingests uploads."""
    config = Config.from_env()
    return Ingestion(
        ledger=wiring.ledger(config),
        turns=wiring.turns(config),
        queue=wiring.ingest_queue(config),
        storage=wiring.storage(),
        notifier=wiring.notifier(config),
        meter=wiring.meter(config),
        runs=wiring.runs(config),
        specs=catalog.load().specs,
        buckets=Buckets(config.need(Variable.UPLOADS_BUCKET), config.need(Variable.LAKE_BUCKET)),
        clock=wiring.now,
    )


@once_per_process
def retry_requests() -> RetryRequests:
    """Construct the service that retries failed uploads and runs."""
    config = Config.from_env()
    return RetryRequests(
        ledger=wiring.ledger(config),
        runs=wiring.runs(config),
        ingestion=ingestion(),
        bucket=config.need(Variable.UPLOADS_BUCKET),
    )


def take(message: Any, left: Callable[[], float]) -> None:
    """Handle one message; ``left`` returns the seconds until the function is cut off."""
    if message.get("detail-type") == retries.ASKED:
        retry_requests().again(message["detail"], left)
    elif message.get("detail-type") == exclusions.ASKED:
        exclude(wiring.ledger(Config.from_env()), message["detail"])
    else:
        ingestion().take(message["detail"], left)


@entry
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Handle every message, and return those that failed."""

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    failures = Failures(_log)
    for message in event["Records"]:
        with failures.of(message):
            take(json.loads(message["body"]), left)
    return failures.told()
