"""Shadow request: an answered request, repeated to the shadowed candidate through a queue."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

MAX_BYTES = 200 * 1024
"""Maximum size of the message, in bytes; a larger request gets no shadow request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One shadow request.

    Parameters
    ----------
    model, revision
        Model, and the revision of its route that asked for the shadow request.
    candidate, champion
        Version numbers of both.
    instances
        Instances of the request, complete.
    predictions
        Predictions of the champion, without ids.
    milliseconds
        Latency of the champion, in milliseconds.
    """

    model: str
    revision: int
    candidate: int
    champion: int
    instances: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    milliseconds: float


def write(trial: Trial) -> str:
    """Write a shadow request as a message: JSON in ASCII."""
    return json.dumps(asdict(trial), separators=(",", ":"))


def parse_message(message: str) -> Trial:
    """Read a message that `write` wrote."""
    return Trial(**json.loads(message))
