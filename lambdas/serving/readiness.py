"""Whether models answer, as probes ask it: yes, or a problem that says what is waited for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.http import not_serving
from relearn.errors import NotServingError


def model(ledger: Ledger, name: str) -> dict[str, Any]:
    """Say that a model answers.

    Raises
    ------
    NotServingError
        It has no live version yet.
    """
    if not ledger.route(name).champion:
        raise not_serving.why(ledger, name)
    return {"name": name, "ready": True}


def server(ledger: Ledger, names: Iterable[str]) -> dict[str, Any]:
    """Say that all models answer.

    Raises
    ------
    NotServingError
        One has no live version yet.
    """
    for name in names:
        try:
            model(ledger, name)
        except NotServingError as error:
            reason = f"{name} waits for: {error.waiting_for}"
            raise NotServingError(reason, error.retry_after_seconds) from error
    # The protocol's page writes "live" here, its servers and clients "ready".
    return {"live": True, "ready": True}
