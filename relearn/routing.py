"""The route: which versions answer for a model. Plain values in, a new route out.

The ledger writes a route only when its revision is still the one that was read, so of two
writers exactly one wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from relearn.errors import ConflictError


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
    """

    champion: int = 0
    previous: int = 0
    revision: int = 0

    @property
    def named(self) -> frozenset[int]:
        """The versions whose endpoints must stay."""
        return frozenset({self.champion, self.previous} - {0})


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
    """
    if route.champion == version:
        return route
    if route.champion != judged_against:
        raise ConflictError(
            f"version {version} was judged against version {judged_against}, but version {route.champion} serves"
        )
    return replace(route, champion=version, previous=route.champion, revision=route.revision + 1)


def to_retire(route: Route, versions: Iterable[int]) -> list[int]:
    """Give the versions, ascending, that have an endpoint the route does not need.

    Versions newer than the champion are left alone: they may be on their way up.
    """
    return sorted(version for version in versions if version < route.champion and version not in route.named)
