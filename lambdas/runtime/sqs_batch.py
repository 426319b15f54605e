"""What SQS hands a function at a time: a message that fails is told alone, so that the others are done with."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Message = Mapping[str, Any]
"""As Lambda gives it: ``messageId`` and ``body``."""


class Failures:
    """The messages that failed; they come again, until the queue gives them up.

    Parameters
    ----------
    log
        Is told of each failure.
    level
        How loudly.
    """

    def __init__(self, log: logging.Logger, level: int = logging.ERROR) -> None:
        self._log = log
        self._level = level
        self._ids: list[str] = []

    @contextmanager
    def of(self, message: Message) -> Iterator[None]:
        """Let a message fail alone, by whatever is raised within."""
        with self.of_all([message["messageId"]], f"message {message['messageId']}"):
            yield

    @contextmanager
    def of_all(self, ids: Iterable[str], what: str) -> Iterator[None]:
        """Let the messages of these ids, which are done with as one, fail together; ``what`` says what they are."""
        try:
            yield
        except Exception:  # noqa: BLE001 - whatever it is, the others go on
            self._log.log(self._level, "%s failed", what, exc_info=True)
            self._ids += ids

    def told(self) -> dict[str, Any]:
        """Give the function's answer, as Lambda reads it; sorted, because threads fail in any order."""
        return {"batchItemFailures": [{"itemIdentifier": found} for found in sorted(self._ids)]}
