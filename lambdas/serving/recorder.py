"""Writes prediction records from the queue to the lake, each exactly once.

A message of `lambdas.serving.prediction_records` holds a whole record, or only the index entry of a record
that is already an object of its own. Only failed messages are retried; after the queue's last attempt they
move to the dead-letter queue.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.aws.dynamo.exactly_once import Line, Once
from lambdas.aws.dynamo.table import Put, Table
from lambdas.runtime.sqs_batch import Failures, Message
from relearn.errors import ConflictError
from relearn.naming import ledger_keys
from relearn.records import predictions

Record = Mapping[str, Any]


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes prediction records to the lake and to the index.

    Parameters
    ----------
    once
        Writes lines to the lake exactly once.
    table
        The ledger's table, which holds the index.
    """

    once: Once
    table: Table

    def take(self, messages: Sequence[Message]) -> Failures:
        """Store the records of all messages, one lake folder at a time, and return the messages that failed."""
        failures = Failures(_log)
        lines: defaultdict[str, dict[str, Line]] = defaultdict(dict)
        for message in messages:
            with failures.of(message):
                record = json.loads(message["body"])
                if "object" in record:
                    self._remember(record)
                else:
                    lines[_folder(record)][message["messageId"]] = _line(record, message["body"])
        for folder, found in lines.items():
            with failures.of_all(found, f"{len(found)} records for {folder}"):
                self.once.place(list(found.values()), folder)
        return failures

    def _remember(self, record: Record) -> None:
        item = {**_attributes(record, record["rows"]), "object": record["object"]}
        with suppress(ConflictError):  # a redelivered message
            self.table.write(Put(pk=_partition(record), sk=predictions.RECORD, item=item))


def _line(record: Record, text: str) -> Line:
    attributes = _attributes(record, len(record["outputs"]))
    return Line(_partition(record), predictions.RECORD, text.encode(), attributes)


def _attributes(record: Record, rows: int) -> dict[str, Any]:
    return {
        "rows": rows,
        "at": record["at"],
        "version": record["version"],
        ledger_keys.EXPIRES_AT: predictions.expires_at(datetime.fromisoformat(record["at"])),
    }


def _partition(record: Record) -> str:
    return predictions.partition(record["model"], record["id"])


def _folder(record: Record) -> str:
    return predictions.predictions_folder(record["model"], datetime.fromisoformat(record["at"]))
