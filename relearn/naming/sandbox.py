"""Names of the sandbox models, on which ``relearn verify`` tries a stage.

A stage has them beside its own models where its setting ``verify`` says so. Lists of models, the API's document
and the readiness of the server leave them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

IN_LAMBDA = "verify"
"""Sandbox model whose versions run in Lambda."""
ON_ENDPOINT = "verifyendpoint"
"""Sandbox model whose versions have a serverless endpoint."""
MODELS = (IN_LAMBDA, ON_ENDPOINT)
_T = TypeVar("_T")


def without(models: Mapping[str, _T]) -> dict[str, _T]:
    """Return the models, by name, that are not sandbox models."""
    return {name: value for name, value in models.items() if name not in MODELS}
