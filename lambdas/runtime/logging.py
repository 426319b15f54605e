"""Structured logs: one JSON object a line with the request's id; never a body, never a secret."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

CONTEXT_FIELDS = ("model", "run_id", "upload_id", "version", "status", "reason")
"""Fields of ``extra`` that a log line includes."""
_request_id: ContextVar[str] = ContextVar("request_id", default="")

Handler = Callable[[Any, Any], Any]


class JsonFormatter(logging.Formatter):
    """Formats a log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of ``extra``, only `CONTEXT_FIELDS` are included."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": _request_id.get(),
        }
        line |= {name: getattr(record, name) for name in CONTEXT_FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure() -> None:
    """Set the JSON formatter on the log handlers of the Lambda runtime."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    for handler in root.handlers:
        if not isinstance(handler.formatter, JsonFormatter):
            handler.setFormatter(JsonFormatter())


def entry(handler: Handler) -> Handler:
    """Decorate a Lambda handler: its log lines carry the request's id, and an exception is logged once and raised."""

    @functools.wraps(handler)
    def run(event: Any, context: Any) -> Any:
        configure()
        _request_id.set(getattr(context, "aws_request_id", ""))
        try:
            return handler(event, context)
        except Exception:
            logging.getLogger(handler.__module__).exception("the function failed")
            raise

    return run
