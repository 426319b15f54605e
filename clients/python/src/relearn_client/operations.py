"""Which versions answer for a model, who decided so, and changes of that by hand."""

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
        Counts the writes.
    champion, previous
        The version that serves, and the one that did before, if any.
    candidate, weight, shadow
        The version that is tried beside the champion, if any; the percent of requests that it answers; and
        whether it gets copies of them.
    frozen
        Whether runs leave the route alone.
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
        What was done, by whom, for what reason and when.
    """

    what: str
    who: str
    why: str
    at: datetime

    @classmethod
    def read(cls, data: Json) -> RouteWrite:
        """Read the API's JSON."""
        return pick(cls, {**data, "at": moment(data["at"])})


@dataclass(frozen=True, slots=True)
class Restore:
    """A version that had to be deployed again before it could serve.

    Parameters
    ----------
    version
        Number of the version.
    state, reason
        ``"RESTORING"``, ``"DONE"`` or ``"FAILED"``, and why; the reason may be empty.
    what, who, why
        What it was done for, as in `RouteWrite`.
    started_at, ended_at
        The latter is None until then.
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
        """Read the API's JSON."""
        times = {name: moment(data[name]) for name in ("started_at", "ended_at")}
        return pick(cls, {**data, **times})


@dataclass(frozen=True, slots=True)
class Route(RouteBrief):
    """A route, and how it came to stand so.

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
        """Read the API's JSON."""
        restore = None if data["restore"] is None else Restore.read(data["restore"])
        return pick(
            cls, {**data, "restore": restore, "history": tuple(map(RouteWrite.read, data["history"]))}
        )


def asked(action: Action, why: str, version: int | None, revision: int | None) -> Mapping[str, Json]:
    """Write the body of a change."""
    given = {"version": version, "revision": revision}
    return {
        "action": action,
        "why": why,
        **{name: value for name, value in given.items() if value is not None},
    }
