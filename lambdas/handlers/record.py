"""The function ``record``: parses its event and calls `lambdas.serving.recorder`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.serving.recorder import Recorder


@once_per_process
def recorder() -> Recorder:
    """Construct the recorder of prediction records."""
    config = Config.from_env()
    return Recorder(wiring.once(config), wiring.table(config))


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Store the prediction records of all messages, and return the messages that failed."""
    return recorder().take(event["Records"]).told()
