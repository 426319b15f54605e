"""Puts prediction records into the lake: SQS messages that `lambdas.keeping` sent, exactly once each.

A message holds a whole record; or, for one that is in an object of its own already, what the index knows of it. One
that fails is reported alone; after the queue's last attempt it waits in the dead-letter queue.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.aws.once import Line, Once
from lambdas.aws.table import Put, Table
from lambdas.config import Config
from lambdas.logs import entry
from relearn import names, predictions
from relearn.errors import ConflictError

Message = Mapping[str, Any]
_log = logging.getLogger(__name__)


class Recorder:
    """Takes records in.

    Parameters
    ----------
    once
        Places lines in the lake.
    table
        The ledger's table, where the index is.
    """

    def __init__(self, once: Once, table: Table) -> None:
        self._once = once
        self._table = table

    def take(self, messages: Sequence[Message]) -> list[str]:
        """Take messages in, a folder of the lake at a time.

        Parameters
        ----------
        messages
            As Lambda gives them: ``messageId`` and ``body``.

        Returns
        -------
        list of str
            Ids of the messages that failed.
        """
        failed: list[str] = []
        lines: defaultdict[str, dict[str, Line]] = defaultdict(dict)
        for message in messages:
            try:
                record = json.loads(message["body"])
                if "object" in record:
                    self._remember(record)
                else:
                    lines[_folder(record)][message["messageId"]] = _line(record, message["body"])
            except Exception:  # noqa: BLE001 - whatever it is, the other messages go on
                _log.exception("message %s failed", message["messageId"])
                failed.append(message["messageId"])
        for folder, found in lines.items():
            failed += self._place(folder, found)
        return failed

    def _remember(self, record: Message) -> None:
        item = {**_attributes(record, record["rows"]), "object": record["object"]}
        with suppress(ConflictError):  # the message came before
            self._table.write(Put(pk=_partition(record), sk=predictions.RECORD, item=item))

    def _place(self, folder: str, lines: Mapping[str, Line]) -> list[str]:
        try:
            self._once.place(list(lines.values()), folder)
        except Exception:  # noqa: BLE001 - whatever it is, the other folders go on
            _log.exception("%d records for %s failed", len(lines), folder)
            return list(lines)
        return []


def _line(record: Message, text: str) -> Line:
    attributes = _attributes(record, len(record["outputs"]))
    return Line(_partition(record), predictions.RECORD, text.encode(), attributes)


def _attributes(record: Message, rows: int) -> dict[str, Any]:
    return {
        "rows": rows,
        "at": record["at"],
        "version": record["version"],
        names.EXPIRES_AT: predictions.expires_at(datetime.fromisoformat(record["at"])),
    }


def _partition(record: Message) -> str:
    return predictions.partition(record["model"], record["id"])


def _folder(record: Message) -> str:
    return predictions.predictions_folder(record["model"], datetime.fromisoformat(record["at"]))


@cache
def recorder() -> Recorder:
    """Make the function's one service."""
    config = Config.from_env()
    return Recorder(wiring.once(config), wiring.table(config))


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Take in every message; give those that failed."""
    failed = recorder().take(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
