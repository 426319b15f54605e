"""What a person may do to a route: checks of the request, and which version a move needs.

::

    rollback   the previous version, or the one named, serves again; one that was rolled back from, only if named
    promote    the version named serves, whatever a run decided
    freeze     no run moves the route, and none is started, until `unfreeze`
    unfreeze   runs may move it again; uploads that waited start one
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from relearn.errors import ConflictError, FieldError, InvalidChangeError
from relearn.lifecycle import decisions
from relearn.lifecycle.runs import Version, VersionState
from relearn.spec.columns import shown
from relearn.spec.fields import fields_of
from relearn.traffic import route as routing
from relearn.traffic.route import Route

MAX_WHY = 500
"""Characters of a reason at most."""
_FIELDS = ("action", "version", "revision", "why")


class Action(StrEnum):
    """What to do."""

    ROLLBACK = "rollback"
    PROMOTE = "promote"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"


TOLD = {
    Action.ROLLBACK: "rolled back",
    Action.PROMOTE: "promoted by hand",
    Action.FREEZE: "frozen",
    Action.UNFREEZE: "unfrozen",
}
"""How a route's history tells it."""
BROUGHT_BACK = "brought back"
"""What a restore is that moves no route: the version is named already, and its endpoint was gone."""


class RestoreState(StrEnum):
    """Where the making of an endpoint stands for a version that had lost its own."""

    RESTORING = "RESTORING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore:
    """The last time that a version had to be deployed again before it could serve.

    Parameters
    ----------
    version
        Number of the version.
    state, reason
        Where it stands, and why.
    what, who, why
        As in `relearn.traffic.route.Change`.
    started_at, ended_at
        ISO 8601, UTC; empty until known.
    """

    version: int
    state: RestoreState = RestoreState.RESTORING
    reason: str = ""
    what: str = ""
    who: str = ""
    why: str = ""
    started_at: str = ""
    ended_at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteChangeRequest:
    """Request to change a route.

    Parameters
    ----------
    action
        Change of the route.
    version
        Version that shall serve; 0 where the request names none.
    revision
        The route's revision that the caller has seen; None: whatever it is.
    why
        For people.
    """

    action: Action
    version: int = 0
    revision: int | None = None
    why: str = ""


def check_change(body: object) -> RouteChangeRequest:
    """Check the JSON body of a change.

    Parameters
    ----------
    body
        Parsed JSON: ``{"action": "rollback", "version": 5, "revision": 12, "why": "..."}``; ``version`` is
        needed to promote, may be left out of a rollback, and has no meaning for the others.

    Raises
    ------
    InvalidChangeError
        With a JSON pointer for every wrong value.
    """
    fields, errors = fields_of(body, _FIELDS, InvalidChangeError)
    action, why = fields.get("action"), fields.get("why")
    known = action in list(Action)
    if not known:
        errors.append(FieldError("/action", f"got {shown(action)}; allowed: one of {', '.join(Action)}"))
    if not isinstance(why, str) or not why.strip() or len(why) > MAX_WHY:
        errors.append(FieldError("/why", f"got {shown(why)}; allowed: a reason of 1 to {MAX_WHY} characters"))
    errors += _wrong_number(fields, "revision", least=0)
    errors += _wrong_number(fields, "version", least=1)
    if known and (told := _wrong_version(Action(str(action)), fields)):
        errors.append(FieldError("/version", told))
    if errors:
        raise InvalidChangeError(tuple(errors))
    return RouteChangeRequest(
        action=Action(str(action)),
        version=fields.get("version") or 0,
        revision=fields.get("revision"),
        why=str(why),
    )


def target(asked: RouteChangeRequest, route: Route) -> int:
    """Give the version that is to serve; 0 for a change that moves nothing.

    Raises
    ------
    ConflictError
        The route is not at the revision that the caller has seen; there is no version to go back to, or only
        one that was rolled back from; or the one named serves already.
    """
    if asked.revision is not None and asked.revision != route.revision:
        raise ConflictError(f"the route is at revision {route.revision}, not {asked.revision}: look again")
    if asked.action in (Action.FREEZE, Action.UNFREEZE):
        return 0
    return moved(asked, route).champion


def moved(asked: RouteChangeRequest, route: Route) -> Route:
    """Give the route as the change makes it; the same when there is nothing to change.

    Raises
    ------
    ConflictError
        As `target`.
    """
    match asked.action:
        case Action.FREEZE | Action.UNFREEZE:
            return routing.freeze(route, frozen=asked.action is Action.FREEZE)
        case Action.ROLLBACK:
            return routing.roll_back(route, asked.version)
        case Action.PROMOTE:
            return routing.promote_by_hand(route, asked.version)


def steps(route: Route, version: Version | None) -> dict[int, tuple[VersionState, VersionState]]:
    """Give the versions' next states when a person moves a route.

    Parameters
    ----------
    route
        As it is.
    version
        The one that shall serve; None when nothing moves.
    """
    if version is None:
        return {}
    found = {version.version: (version.state, VersionState.LIVE)}
    if route.champion:
        found[route.champion] = (VersionState.LIVE, VersionState.PREVIOUS)
    return found


def finished(restore: Restore) -> RouteChangeRequest | None:
    """Give the change that a version was deployed again for; None when the route named it already."""
    for action, told in TOLD.items():
        if restore.what == told:
            return RouteChangeRequest(action=action, version=restore.version, why=restore.why)
    return None


def execution_name(model: str, restore: Restore) -> str:
    """Name the execution that deploys a version again: the same for the same record."""
    at = "".join(character for character in restore.started_at if character.isalnum())
    return f"{model}-{restore.version}-{at}"[:80]


def refuse_unfit(version: Version) -> None:
    """Refuse a version that never came to answer, or that nobody has approved yet.

    Raises
    ------
    ConflictError
        It failed, or waits for someone to decide; says so.
    """
    if version.state is VersionState.FAILED:
        raise ConflictError(f"version {version.version} of {version.model} failed: {version.reason}")
    decisions.refuse_undecided(version)


def _wrong_version(action: Action, fields: Any) -> str | None:
    named = fields.get("version") is not None
    if action is Action.PROMOTE and not named:
        return "missing; allowed: the number of the version that is to serve"
    if action in (Action.FREEZE, Action.UNFREEZE) and named:
        return f"got {shown(fields['version'])}; allowed: none, to {action}"
    return None


def _wrong_number(fields: Any, name: str, *, least: int) -> list[FieldError]:
    value = fields.get(name)
    if value is None or (type(value) is int and least <= value <= 10**9):
        return []
    return [FieldError(f"/{name}", f"got {shown(value)}; allowed: a whole number, at least {least}")]
