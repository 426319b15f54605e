"""The route: which versions answer for a model. Plain values in, a new route out.

::

    promote    champion = the candidate, previous = the champion, nothing beside it
    watch      a candidate beside the champion: a copy of requests (shadow), or a share of them (weight)
    withdraw   the candidate gets nothing more
    roll back  champion = an older version, previous = the champion, nothing beside it; the version that
               was left does not come back unless it is named
    freeze     no run may move it until it is unfrozen; a person may roll back

The ledger writes a route only when its revision is still the one that was read, so of two
writers exactly one wins, and is told which revision beat it.
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
    """What answers for a model.

    Parameters
    ----------
    champion
        The version that serves; 0 for none yet.
    previous
        The version that served before, kept for a rollback; 0 for none.
    revision
        Counts the writes of this route.
    candidate
        The version that is tried beside the champion; 0 for none.
    weight
        Share of requests that the candidate answers, in percent, 0 to 99.
    shadow
        Whether the candidate gets a copy of what the champion answers.
    frozen
        Whether runs must leave it alone.
    rolled_back
        Whether the champion serves because ``previous`` was rolled back from.
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
        """The versions that must stay able to answer."""
        return frozenset({self.champion, self.previous, self.candidate} - {0})


@dataclass(frozen=True, slots=True)
class Change:
    """Who moved a route, and why.

    Parameters
    ----------
    what
        In a word or two, e.g. ``"promoted"``.
    who
        A run, or a person as AWS or the token's issuer names them.
    why
        For people.
    """

    what: str
    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteWrite:
    """One write of a route, as its history keeps it.

    Parameters
    ----------
    route
        As it was from then on.
    change
        Who wrote it, and why.
    at
        ISO 8601, UTC.
    """

    route: Route
    change: Change
    at: str

    @property
    def words(self) -> str:
        """Say it in a line."""
        return f"revision {self.route.revision}: {self.change.what} by {self.change.who} at {self.at}"


def choose(route: Route, key: str) -> int:
    """Give the version that answers a request: the same for the same key, as long as the route is the same.

    The shares nest: who is answered by a candidate at 10 % is so at 50 % too (SHA-256 of the key, spread
    evenly over the percents).

    Parameters
    ----------
    route
        Route as the ledger has it.
    key
        What stays the same for one caller, or names the request.
    """
    if not route.weight:
        return route.champion
    place = int.from_bytes(hashlib.sha256(f"{route.candidate}:{key}".encode()).digest()[:8]) * PERCENT >> 64
    return route.candidate if place < route.weight else route.champion


def promote(route: Route, version: int, judged_against: int) -> Route:
    """Make ``version`` the champion.

    Promoting the champion again changes nothing: a repeated step is the same step.

    Parameters
    ----------
    route
        The route as read.
    version
        The version that won.
    judged_against
        The champion it was measured against, 0 for none.

    Raises
    ------
    ConflictError
        Another version became champion since the judgement.
    FrozenRouteError
        Someone froze the route.
    """
    if route.champion == version:
        return route
    _refuse(route, version, judged_against)
    return _serving(route, version, rolled_back=False)


def watch(route: Route, version: int, judged_against: int, *, weight: int = 0, shadow: bool = False) -> Route:
    """Try ``version`` beside the champion; again the same changes nothing.

    Raises
    ------
    ConflictError
        Another version became champion since the judgement, or another is being tried.
    FrozenRouteError
        Someone froze the route.
    ValueError
        A weight outside 0 to 99.
    """
    if not 0 <= weight < PERCENT:
        raise ValueError(f"weight: got {weight}; allowed: 0 to 99 percent")
    if (route.candidate, route.weight, route.shadow) == (version, weight, shadow):
        return route
    _refuse(route, version, judged_against)
    return _with(route, candidate=version, weight=weight, shadow=shadow)


def withdraw(route: Route, version: int) -> Route:
    """Send nothing more to ``version``; that it gets nothing already is no error, frozen or not."""
    if route.candidate != version:
        return route
    return _with(route, candidate=0, weight=0, shadow=False)


def roll_back(route: Route, to: int = 0) -> Route:
    """Make an older version the champion again; whatever was tried beside the champion is tried no more.

    Without a version this leads away from a champion once and never back to it: of two people who roll back at
    the same time, or of one request that comes twice, the second is refused instead of undoing the first.

    Parameters
    ----------
    route
        The route as read.
    to
        The version; 0: the previous one.

    Raises
    ------
    ConflictError
        There is no previous version, it was itself rolled back from, or the one named serves already.
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
    """Make the version that a person names the champion, whatever was judged; a rollback then leads back from it.

    Raises
    ------
    ConflictError
        It serves already.
    """
    return _serving(route, _other(route, version), rolled_back=False)


def freeze(route: Route, *, frozen: bool) -> Route:
    """Forbid runs to move the route, or allow it again; what is tried beside the champion is tried no more."""
    if route.frozen == frozen:
        return route
    return _with(route, frozen=frozen, candidate=0, weight=0, shadow=False)


def to_retire(route: Route, versions: Iterable[int]) -> list[int]:
    """Give the versions, ascending, that have an endpoint the route does not need.

    Versions newer than the champion are left alone: they may be on their way up.
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
