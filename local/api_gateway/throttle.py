"""Throttling: a token bucket for each route of a stage."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping


@dataclass
class _Bucket:
    level: float
    filled_at: float


class Throttle:
    """Says whether a request comes too soon.

    Parameters
    ----------
    now : callable
        A clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets: dict[Hashable, _Bucket] = {}

    def admits(self, name: Hashable, *, rate: float, burst: int) -> bool:
        """Take a token from the bucket of this name; whether there was one.

        Parameters
        ----------
        name : hashable
            What is throttled.
        rate : float
            Tokens that come back each second.
        burst : int
            How many tokens the bucket holds; it is full at first.
        """
        now = self._now()
        bucket = self._buckets.setdefault(name, _Bucket(burst, now))
        bucket.level = min(float(burst), bucket.level + (now - bucket.filled_at) * rate)
        bucket.filled_at = now
        if bucket.level < 1:
            return False
        bucket.level -= 1
        return True


def limits(stage: Mapping[str, Any], route_key: str) -> tuple[float, int] | None:
    """Return a route's rate and burst: its own, else the stage's; None when neither bounds it.

    CloudFormation and the API write the same settings in different cases.
    """
    for settings in ((stage.get("routeSettings") or {}).get(route_key), stage.get("defaultRouteSettings")):
        found = {name.lower(): value for name, value in (settings or {}).items()}
        rate, burst = found.get("throttlingratelimit"), found.get("throttlingburstlimit")
        if rate is not None and burst is not None:
            return float(rate), int(burst)
    return None
