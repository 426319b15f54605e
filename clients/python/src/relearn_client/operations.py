"""Answers of the API about a model's route, and requests to change it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from relearn_client.shapes import Json, moment, pick

Action = Literal["rollback", "promote", "freeze", "unfreeze"]
Decision = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class RouteBrief:
    """A route at one revision.

    Parameters
    ----------
    revision
        Number of writes so far.
    champion, previous
        Version that serves, and the one that served before it, if any.
    candidate, weight, shadow
        Version that is tried beside the champion, if any; the percentage of requests that it answers; and
        whether it gets shadow requests instead.
    frozen
        Whether runs may not change the route.
    """

    revision: int
    champion: int | None
    previous: int | None
    candidate: int | None
    weight: int
    shadow: bool
    frozen: bool


@dataclass(frozen=True, slots=True)
class RouteWrite(RouteBrief):
    """One write of a route.

    Parameters
    ----------
    what, who, why, at
        The change, its author, its reason and its time.
    """

    what: str
    who: str
    why: str
    at: datetime

    @classmethod
    def read(cls, data: Json) -> RouteWrite:
        """Construct from the API's JSON."""
        return pick(cls, {**data, "at": moment(data["at"])})


@dataclass(frozen=True, slots=True)
class Restore:
    """A version that must be deployed again before it can serve.

    Parameters
    ----------
    version
        Number of the version.
    state, reason
        ``"RESTORING"``, ``"DONE"`` or ``"FAILED"``, and the reason, which may be empty.
    what, who, why
        The change that needs it, its author and its reason, as in `RouteWrite`.
    started_at, ended_at
        Times of its start and end; the latter is None before.
    """

    version: int
    state: str
    reason: str
    what: str
    who: str
    why: str
    started_at: datetime
    ended_at: datetime | None

    @classmethod
    def read(cls, data: Json) -> Restore:
        """Construct from the API's JSON."""
        times = {name: moment(data[name]) for name in ("started_at", "ended_at")}
        return pick(cls, {**data, **times})


@dataclass(frozen=True, slots=True)
class Route(RouteBrief):
    """A route with its history.

    Parameters
    ----------
    model
        Name of the model.
    restore
        The last version that had to be deployed again, if any.
    history
        The newest writes, newest first.
    """

    model: str
    restore: Restore | None
    history: tuple[RouteWrite, ...]

    @classmethod
    def read(cls, data: Json) -> Route:
        """Construct from the API's JSON."""
        restore = None if data["restore"] is None else Restore.read(data["restore"])
        return pick(
            cls, {**data, "restore": restore, "history": tuple(map(RouteWrite.read, data["history"]))}
        )


def asked(action: Action, why: str, version: int | None, revision: int | None) -> Mapping[str, Json]:
    """Return the body of a change of the route."""
    given = {"version": version, "revision": revision}
    return {
        "action": action,
        "why": why,
        **{name: value for name, value in given.items() if value is not None},
    }
