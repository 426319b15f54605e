"""Answers readiness probes: ready, or a problem document that names what the model waits for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.http import not_serving
from relearn.errors import NotServingError


def model(ledger: Ledger, name: str) -> dict[str, Any]:
    """Report that a model serves.

    Raises
    ------
    NotServingError
        The model has no champion yet.
    """
    if not ledger.route(name).champion:
        raise not_serving.why(ledger, name)
    return {"name": name, "ready": True}


def server(ledger: Ledger, names: Iterable[str]) -> dict[str, Any]:
    """Report that all models serve.

    Raises
    ------
    NotServingError
        A model has no champion yet.
    """
    for name in names:
        try:
            model(ledger, name)
        except NotServingError as error:
            reason = f"{name} waits for: {error.waiting_for}"
            raise NotServingError(reason, error.retry_after_seconds) from error
    # The protocol's specification names this field "live", its servers and clients "ready".
    return {"live": True, "ready": True}
