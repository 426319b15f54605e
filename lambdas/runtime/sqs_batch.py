"""Partial batch responses for SQS: only failed messages are retried."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Message = Mapping[str, Any]
"""Message as Lambda passes it: ``messageId`` and ``body``."""


class Failures:
    """Failed messages of a batch; SQS delivers them again, and moves them to the dead-letter queue in the end.

    Parameters
    ----------
    log
        Logger of the failures.
    level
        Level of their log entries.
    """

    def __init__(self, log: logging.Logger, level: int = logging.ERROR) -> None:
        self._log = log
        self._level = level
        self._ids: list[str] = []

    @contextmanager
    def of(self, message: Message) -> Iterator[None]:
        """Record a message as failed if the body raises; the error is logged and not raised."""
        with self.of_all([message["messageId"]], f"message {message['messageId']}"):
            yield

    @contextmanager
    def of_all(self, ids: Iterable[str], what: str) -> Iterator[None]:
        """Record all messages of a group as failed if the body raises; ``what`` describes the group in the log."""
        try:
            yield
        except Exception:  # noqa: BLE001 - whatever it is, the others go on
            self._log.log(self._level, "%s failed", what, exc_info=True)
            self._ids += ids

    def told(self) -> dict[str, Any]:
        """Return the partial batch response of the function; sorted, because threads fail in any order."""
        return {"batchItemFailures": [{"itemIdentifier": found} for found in sorted(self._ids)]}
