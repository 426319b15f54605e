"""The route: which versions answer requests for a model. Functions take plain values and return a new route.

::

    promote    champion = the candidate, previous = the champion, no candidate
    watch      a candidate beside the champion: it gets shadow requests, or a share of the requests (weight)
    withdraw   the candidate gets no more requests
    roll back  champion = an older version, previous = the champion, no candidate; the version that was
               left does not serve again unless it is named
    freeze     runs cannot change the route until it is unfrozen; a person may roll back

The ledger writes a route only when its revision is still the one that was read. Of two concurrent writers one
wins, and the error that the other gets names the winning revision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from relearn.errors import ConflictError, FrozenRouteError

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Route:
    """Versions that answer requests for a model.

    Parameters
    ----------
    champion
        Version that serves; 0 for none yet.
    previous
        Version that served before, kept for a rollback; 0 for none.
    revision
        Number of writes of this route.
    candidate
        Version that is tried beside the champion; 0 for none.
    weight
        Share of requests that the candidate answers, in percent, 0 to 99.
    shadow
        Whether the candidate gets shadow requests: copies of what the champion answers.
    frozen
        Whether runs may not change it.
    rolled_back
        Whether the champion serves because of a rollback from ``previous``.
    """

    champion: int = 0
    previous: int = 0
    revision: int = 0
    candidate: int = 0
    weight: int = 0
    shadow: bool = False
    frozen: bool = False
    rolled_back: bool = False

    @property
    def named(self) -> frozenset[int]:
        """Versions that must stay able to answer."""
        return frozenset({self.champion, self.previous, self.candidate} - {0})


@dataclass(frozen=True, slots=True)
class Change:
    """Author and reason of a change of a route.

    Parameters
    ----------
    what
        The change in a word or two, e.g. ``"promoted"``.
    who
        A run, or a person as named by AWS or by the issuer of the token.
    why
        Reason, for people.
    """

    what: str
    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteWrite:
    """One write of a route, from its history.

    Parameters
    ----------
    route
        Route after the write.
    change
        Author and reason of the write.
    at
        Time of the write: ISO 8601, UTC.
    """

    route: Route
    change: Change
    at: str

    @property
    def words(self) -> str:
        """Describe the write in one line."""
        return f"revision {self.route.revision}: {self.change.what} by {self.change.who} at {self.at}"


def choose(route: Route, key: str) -> int:
    """Return the version that answers a request.

    It is the same for the same key as long as the route is the same. The shares nest: a key that the
    candidate answers at 10 % is answered by it at 50 % too (SHA-256 of the key, spread evenly over the
    percents).

    Parameters
    ----------
    route
        Route from the ledger.
    key
        Constant for one caller, or unique for the request.
    """
    if not route.weight:
        return route.champion
    place = int.from_bytes(hashlib.sha256(f"{route.candidate}:{key}".encode()).digest()[:8]) * PERCENT >> 64
    return route.candidate if place < route.weight else route.champion


def promote(route: Route, version: int, judged_against: int) -> Route:
    """Return the route with ``version`` as champion; unchanged when it is the champion already.

    Parameters
    ----------
    route
        Route from the ledger.
    version
        Version that won.
    judged_against
        Champion that it was measured against; 0 for none.

    Raises
    ------
    ConflictError
        Another version became champion since the judgement.
    FrozenRouteError
        The route is frozen.
    """
    if route.champion == version:
        return route
    _refuse(route, version, judged_against)
    return _serving(route, version, rolled_back=False)


def watch(route: Route, version: int, judged_against: int, *, weight: int = 0, shadow: bool = False) -> Route:
    """Return the route with ``version`` as candidate; unchanged when it is that already.

    Parameters
    ----------
    route
        Route from the ledger.
    version
        Candidate.
    judged_against
        Champion that it was measured against; 0 for none.
    weight
        Share of requests that it answers, in percent, 0 to 99.
    shadow
        Whether it gets shadow requests.

    Raises
    ------
    ConflictError
        Another version became champion since the judgement, or another candidate is being tried.
    FrozenRouteError
        The route is frozen.
    ValueError
        ``weight`` is outside 0 to 99.
    """
    if not 0 <= weight < PERCENT:
        raise ValueError(f"weight: got {weight}; allowed: 0 to 99 percent")
    if (route.candidate, route.weight, route.shadow) == (version, weight, shadow):
        return route
    _refuse(route, version, judged_against)
    return _with(route, candidate=version, weight=weight, shadow=shadow)


def withdraw(route: Route, version: int) -> Route:
    """Return the route without the candidate ``version``; unchanged when that is not the candidate.

    A frozen route may be changed by it.
    """
    if route.candidate != version:
        return route
    return _with(route, candidate=0, weight=0, shadow=False)


def roll_back(route: Route, to: int = 0) -> Route:
    """Return the route with an older version as champion and no candidate.

    Without ``to`` it leaves a champion once and never returns to it: of two people who roll back at the same
    time, or of a request that is delivered twice, the second is refused instead of undoing the first.

    Parameters
    ----------
    route
        Route from the ledger.
    to
        Version to serve; 0 for the previous one.

    Raises
    ------
    ConflictError
        There is no previous version, it was itself rolled back from, or ``to`` serves already.
    """
    if not to and not route.previous:
        raise ConflictError("there is no previous version to go back to: name one")
    if not to and route.rolled_back:
        raise ConflictError(
            f"version {route.previous} was rolled back from, and version {route.champion} serves since: to let version "
            f"{route.previous} or an older one serve, name it (--to)"
        )
    return _serving(route, _other(route, to or route.previous), rolled_back=True)


def promote_by_hand(route: Route, version: int) -> Route:
    """Return the route with a version that a person named as champion, whatever was judged.

    A later rollback leads back from it.

    Raises
    ------
    ConflictError
        The version serves already.
    """
    return _serving(route, _other(route, version), rolled_back=False)


def freeze(route: Route, *, frozen: bool) -> Route:
    """Return the route frozen or unfrozen, without a candidate; unchanged when it is that already."""
    if route.frozen == frozen:
        return route
    return _with(route, frozen=frozen, candidate=0, weight=0, shadow=False)


def to_retire(route: Route, versions: Iterable[int]) -> list[int]:
    """Return the versions, ascending, whose endpoints the route does not need.

    Versions newer than the champion are kept: they may be under way to serve.
    """
    return sorted(version for version in versions if version < route.champion and version not in route.named)


def _refuse(route: Route, version: int, judged_against: int) -> None:
    if route.frozen:
        raise FrozenRouteError(
            f"the route is frozen: version {version} does not get requests until it is unfrozen"
        )
    if route.champion != judged_against:
        raise ConflictError(
            f"version {version} was judged against version {judged_against}, but version {route.champion} "
            f"serves (revision {route.revision})"
        )
    if route.candidate not in (0, version):
        raise ConflictError(f"version {route.candidate} is being tried; version {version} has to wait")


def _other(route: Route, version: int) -> int:
    if version == route.champion:
        raise ConflictError(f"version {version} serves already")
    return version


def _serving(route: Route, version: int, *, rolled_back: bool) -> Route:
    return _with(
        route,
        champion=version,
        previous=route.champion,
        candidate=0,
        weight=0,
        shadow=False,
        rolled_back=rolled_back,
    )


def _with(route: Route, **changes: Any) -> Route:
    return replace(route, revision=route.revision + 1, **changes)
