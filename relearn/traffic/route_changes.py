"""Changes of a route by a person: checks of the request, and the version that a change makes serve.

::

    rollback   the previous version, or the named one, serves again; a version that was rolled back from only if named
    promote    the named version serves, whatever a run decided
    freeze     no run changes the route, and none is started, until `unfreeze`
    unfreeze   runs may change the route again; uploads that waited start one
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
"""Maximum length of a reason, in characters."""
_FIELDS = ("action", "version", "revision", "why")


class Action(StrEnum):
    """Change that a person may ask for."""

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
"""Action to its name in the route's history."""
BROUGHT_BACK = "brought back"
"""Name in a restore that leaves the route unchanged: the route names the version, but its endpoint was
gone."""


class RestoreState(StrEnum):
    """State of a restore."""

    RESTORING = "RESTORING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore:
    """Last deployment of a version whose endpoint was gone, so that it can serve again.

    Parameters
    ----------
    version
        Number of the version.
    state, reason
        State of the restore, and its reason.
    what, who, why
        As in `relearn.traffic.route.Change`.
    started_at, ended_at
        Start and end: ISO 8601, UTC; empty until known.
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
        Requested change.
    version
        Version to serve; 0 when the request names none.
    revision
        Revision of the route that the caller has seen; None to change any.
    why
        Reason, for people.
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
        Parsed JSON: ``{"action": "rollback", "version": 5, "revision": 12, "why": "..."}``. ``version`` is
        required to promote, optional for a rollback, and not allowed otherwise; ``revision`` is optional.

    Raises
    ------
    InvalidChangeError
        The body has a wrong value; the error has a JSON pointer for each.
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
    """Return the version that is to serve; 0 for a change that does not move the route.

    Raises
    ------
    ConflictError
        The route is not at the revision that the caller has seen; there is no version to roll back to, or
        only one that was rolled back from; or the named version serves already.
    """
    if asked.revision is not None and asked.revision != route.revision:
        raise ConflictError(f"the route is at revision {route.revision}, not {asked.revision}: look again")
    if asked.action in (Action.FREEZE, Action.UNFREEZE):
        return 0
    return moved(asked, route).champion


def moved(asked: RouteChangeRequest, route: Route) -> Route:
    """Return the route after the change; the same when there is nothing to change.

    Raises
    ------
    ConflictError
        There is no version to roll back to, or only one that was rolled back from; or the named version
        serves already.
    """
    match asked.action:
        case Action.FREEZE | Action.UNFREEZE:
            return routing.freeze(route, frozen=asked.action is Action.FREEZE)
        case Action.ROLLBACK:
            return routing.roll_back(route, asked.version)
        case Action.PROMOTE:
            return routing.promote_by_hand(route, asked.version)


def steps(route: Route, version: Version | None) -> dict[int, tuple[VersionState, VersionState]]:
    """Return the transitions of versions when a person changes a route.

    Parameters
    ----------
    route
        Route before the change.
    version
        Version to serve; None when the change moves no version.

    Returns
    -------
    dict
        Version number to its state before and after.
    """
    if version is None:
        return {}
    found = {version.version: (version.state, VersionState.LIVE)}
    if route.champion:
        found[route.champion] = (VersionState.LIVE, VersionState.PREVIOUS)
    return found


def finished(restore: Restore) -> RouteChangeRequest | None:
    """Return the change for which a version was restored; None when the route named the version already."""
    for action, told in TOLD.items():
        if restore.what == told:
            return RouteChangeRequest(action=action, version=restore.version, why=restore.why)
    return None


def execution_name(model: str, restore: Restore) -> str:
    """Return the name of the execution that restores a version: the same for the same record."""
    at = "".join(character for character in restore.started_at if character.isalnum())
    return f"{model}-{restore.version}-{at}"[:80]


def refuse_unfit(version: Version) -> None:
    """Refuse to let a version serve that failed, or that nobody approved.

    Raises
    ------
    ConflictError
        The version failed.
    NotWaitingError
        Nobody approved the version.
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
