"""State machines, parameters of queues and settings of the CDK app, as `tests.infra.definitions` synthesises them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, cast

FILE = Path(__file__).with_name("definitions.json")
"""Written by ``make definitions``; a test of tests/infra fails when it is stale."""
MACHINES = ("retrain", "restore")


@cache
def definitions() -> dict[str, Any]:
    """Return the definitions of `MACHINES`, ``queues`` (tries and batch size by function) and ``settings``."""
    return cast("dict[str, Any]", json.loads(FILE.read_text("utf-8")))
