"""Shadow request: an answered request, repeated to the shadowed candidate through a queue."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from relearn.traffic.timing import Timing

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
        Time that the caller waited for the champion, in milliseconds.
    own_milliseconds, started
        Time that the champion reports of itself, and whether it had just been started; None where it reports none.
    """

    model: str
    revision: int
    candidate: int
    champion: int
    instances: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    milliseconds: float
    own_milliseconds: float | None = None
    started: bool = False

    @property
    def timing(self) -> Timing | None:
        """What the champion reports of its time."""
        return None if self.own_milliseconds is None else Timing(self.own_milliseconds, self.started)


def write(trial: Trial) -> str:
    """Write a shadow request as a message: JSON in ASCII."""
    data = asdict(trial)
    if trial.own_milliseconds is None:  # as an earlier release writes and reads it
        del data["own_milliseconds"], data["started"]
    return json.dumps(data, separators=(",", ":"))


def parse_message(message: str) -> Trial:
    """Read a message that `write` wrote."""
    return Trial(**json.loads(message))
