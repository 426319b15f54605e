"""A trial: one answered request that a shadowed candidate is asked again, as it waits in the queue."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

MAX_BYTES = 200 * 1024
"""A copy that is larger is not made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One request.

    Parameters
    ----------
    model, revision
        Whose route, and which write of it asks for the trial.
    candidate, champion
        Their versions.
    instances
        What the champion was asked, whole.
    predictions
        What it answered, without ids.
    milliseconds
        How long it took.
    """

    model: str
    revision: int
    candidate: int
    champion: int
    instances: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    milliseconds: float


def write(trial: Trial) -> str:
    """Write a trial as a message: JSON of ASCII characters alone."""
    return json.dumps(asdict(trial), separators=(",", ":"))


def parse_message(message: str) -> Trial:
    """Read what `write` wrote."""
    return Trial(**json.loads(message))
