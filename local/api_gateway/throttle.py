"""Request throttling: one token bucket for each route of a stage."""

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
    """Token buckets by name.

    Parameters
    ----------
    now : callable
        Returns a monotonic time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets: dict[Hashable, _Bucket] = {}

    def admits(self, name: Hashable, *, rate: float, burst: int) -> bool:
        """Take one token from the named bucket; return whether there was one.

        Parameters
        ----------
        name : hashable
            Name of the bucket; it is created full.
        rate : float
            Tokens refilled each second.
        burst : int
            Capacity of the bucket, in tokens.
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
    """Return rate (requests per second) and burst of a route: its own, else the stage's.

    None when neither sets both.

    CloudFormation and the API spell the same settings in different cases.
    """
    for settings in ((stage.get("routeSettings") or {}).get(route_key), stage.get("defaultRouteSettings")):
        found = {name.lower(): value for name, value in (settings or {}).items()}
        rate, burst = found.get("throttlingratelimit"), found.get("throttlingburstlimit")
        if rate is not None and burst is not None:
            return float(rate), int(burst)
    return None
