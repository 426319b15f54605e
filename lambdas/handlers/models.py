"""The function ``models``: parses its event and calls `lambdas.serving.model_views`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.http import responses
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.serving.model_views import Models


@once_per_process
def models() -> Models:
    """Construct the service that describes models."""
    return Models(ledger=wiring.ledger(Config.from_env()), catalog=catalog.load())


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer a request about models, or one that matches no operation."""
    return responses.answer(event, models)
