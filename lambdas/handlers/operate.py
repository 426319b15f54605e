"""The function ``operate``: parses its event and calls `lambdas.rollout.operations`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.http import responses
from lambdas.rollout.operations import Operate
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry


@cache
def operate() -> Operate:
    """Make the function's one service."""
    config = Config.from_env()
    return Operate(
        ledger=wiring.ledger(config),
        catalog=catalog.load(),
        operating=wiring.operating(config),
        approving=wiring.approving(config),
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer what is asked about a route, change it, or take a decision."""
    return responses.serve(event, lambda request: operate().answer(request))
