"""Takes uploads in: SQS messages that each hold an EventBridge ``Object Created`` event.

A message that fails is reported alone, so that the others of its batch are done with; after the
queue's last attempt it waits in the dead-letter queue, and the sweep sees the upload undecided.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Any

from lambdas import catalog, wiring
from lambdas.config import Config
from lambdas.intake import Buckets, Intake
from lambdas.logs import entry

_log = logging.getLogger(__name__)


@cache
def intake() -> Intake:
    """Make the function's one service."""
    config = Config.from_env()
    return Intake(
        ledger=wiring.ledger(config),
        storage=wiring.storage(),
        notifier=wiring.notifier(config),
        meter=wiring.meter(config),
        runs=wiring.runs(config),
        specs=catalog.load().specs,
        buckets=Buckets(config.need("UPLOADS_BUCKET"), config.need("LAKE_BUCKET")),
        clock=wiring.now,
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Take in every message; give those that failed."""
    failures = []
    for record in event["Records"]:
        try:
            intake().take(json.loads(record["body"])["detail"])
        except Exception:  # noqa: BLE001 - whatever it is, the other messages are done with
            _log.exception("message %s failed", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
