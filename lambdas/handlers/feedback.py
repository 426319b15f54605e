"""The function ``feedback``: parses its event and calls `lambdas.serving.feedback`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.http import responses
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.serving.feedback import Feedback


@once_per_process
def service() -> Feedback:
    """Construct the service that stores ground truth."""
    config = Config.from_env()
    return Feedback(
        table=wiring.table(config),
        once=wiring.once(config),
        meter=wiring.meter(config),
        catalog=catalog.load(),
        clock=wiring.now,
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer a request that reports ground truth."""
    return responses.answer(event, service)
