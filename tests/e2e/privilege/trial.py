"""Deletes grants one by one while the scenes that need them are played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.e2e.privilege.grants import Grant, without
from tests.e2e.privilege.uncatchable import reason


class Broken(Exception):  # noqa: N818 - the flow is broken: what a scene is there to show
    """The stage did not do its work."""


@dataclass(frozen=True)
class Part:
    """Grants, and the scenes in which what has them must act.

    Parameters
    ----------
    grants
        What is deleted, one at a time.
    scenes
        Each sets its stage, plays, and raises `Broken`; the quick ones first.
    """

    grants: Sequence[Grant]
    scenes: Sequence[Callable[[], None]]


@dataclass(frozen=True)
class Outcome:
    """What came of deleting one grant: the scene that broke, or why none can."""

    grant: Grant
    caught: str = ""
    excused: str = ""


_deleted: list[Grant] = []


def complete() -> bool:
    """Tell whether every grant that a scene needs is in place."""
    return not _deleted


def outcomes(part: Part) -> list[Outcome]:
    """Try every grant of a part.

    Raises
    ------
    AssertionError
        The scenes break with every grant in place, or without one that is said to be uncatchable.
    """
    excused = {id(grant): why for grant in part.grants if (why := reason(grant.name))}
    _play_without_the_excused(part, [grant for grant in part.grants if id(grant) in excused])
    return [
        Outcome(grant, excused=excused[id(grant)])
        if id(grant) in excused
        else Outcome(grant, _trial(part, grant))
        for grant in part.grants
    ]


def _play_without_the_excused(part: Part, grants: list[Grant]) -> None:
    """Play every scene; without all uncatchable grants at once, for a policy only ever allows more."""
    for scene in part.scenes:
        with without(grants):
            trouble = _broken(scene)
        if trouble:
            again = _broken(scene)
            names = "; ".join(grant.name for grant in grants)
            assert again, (
                f"uncatchable.py is wrong, {scene.__qualname__} breaks without one of {names}: {trouble}"
            )
            raise AssertionError(f"{scene.__qualname__} breaks with every grant in place: {again}")


def _trial(part: Part, grant: Grant) -> str:
    with without([grant]):
        _deleted.append(grant)
        try:
            return next((scene.__name__ for scene in part.scenes if _broken(scene)), "")
        finally:
            _deleted.remove(grant)


def _broken(scene: Callable[[], None]) -> str:
    try:
        scene()
    except Broken as broken:
        return str(broken) or "broken"
    return ""
