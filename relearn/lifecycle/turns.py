"""Turns at the check of uploads: neither one model nor two hold all of ingest's places, and slow files never the last one.

A check takes a turn before it begins and gives it back when it ends; the turn of a function that was killed ends by
itself, with the time that the function had. An upload that gets no turn is put off: it comes again by itself, after a
pause that grows, and counts as no check and no failure meanwhile.

A model may have some of the places. The last free one is for models that have none, and whose checks were quick of late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

AT_ONCE = 5
"""Messages that ingest works on at once: the concurrency of its event source."""
OF_ONE_MODEL = AT_ONCE // 2 + 1
"""Checks of one model's uploads at once; the other places are for other models."""
SLOW_SECONDS = 60
"""A check that takes longer is slow."""
REMEMBERED = timedelta(hours=1)
"""For how long a model is one whose checks are slow, after the last that was."""
FIRST_PAUSE, LONGEST_PAUSE = 5, 900
"""Seconds before an upload that was put off comes again, at first and at most; SQS delays no message longer than 900 s."""
MOST_RETURNS = 12
"""How often an upload comes again by itself before it is left to the sweep: AWS Lambda stops a function whose messages
call it about 16 times in a row (AWS Lambda Developer Guide, "Use Lambda recursive loop detection")."""
UNKNOWN = "unknown models"
"""Whose turns uploads take that are for no known model: senders of made-up names have no more room than one model."""


@dataclass(frozen=True, slots=True)
class Places:
    """Who has which of ingest's places.

    Parameters
    ----------
    held
        Model to its turns: id of the upload to when at the latest its check ends, ISO 8601.
    slow
        Model to when its last slow check ended, ISO 8601.
    """

    held: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    slow: Mapping[str, str] = field(default_factory=dict)

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return sum(len(turns) for turns in self.held.values())


def going(places: Places, now: datetime) -> Places:
    """Give the places as they are by now: a turn that was never given back has ended, and its check was a slow one."""
    held: dict[str, dict[str, str]] = {}
    slow = dict(places.slow)
    for model, turns in places.held.items():
        going_on = {one: until for one, until in turns.items() if datetime.fromisoformat(until) > now}
        if going_on:
            held[model] = going_on
        if ended := [until for one, until in turns.items() if one not in going_on]:
            slow[model] = max([*ended, slow.get(model, "")])
    return Places(
        held, {model: at for model, at in slow.items() if now - datetime.fromisoformat(at) < REMEMBERED}
    )


def take(
    places: Places, model: str, upload_id: str, now: datetime, until: datetime, *, slow: bool = False
) -> Places | str:
    """Take a turn.

    Parameters
    ----------
    places
        As they were left.
    model, upload_id
        Whose check is about to begin.
    now, until
        When it begins, and when at the latest it ends; aware.
    slow
        Whether an earlier check of this upload was slow.

    Returns
    -------
    Places or str
        The places with the new turn; or why there is none for it.
    """
    places = going(places, now)
    own = places.held.get(model, {})
    if upload_id in own:
        return "a check of it is under way"
    if len(own) >= OF_ONE_MODEL:
        return f"{OF_ONE_MODEL} checks of {model} are under way, as many as may be at once"
    free, slow = AT_ONCE - places.taken, slow or model in places.slow
    if free <= (1 if own or slow else 0):
        kept = f"; the last place is kept, for {'checks that were quick so far' if slow else 'other models'}"
        return f"{places.taken} checks are under way{kept if free else ', as many as may be at once'}"
    return replace(places, held={**places.held, model: {**own, upload_id: _text(until)}})


def give_back(places: Places, model: str, upload_id: str, now: datetime, seconds: float) -> Places:
    """Give a turn back, after a check that took so many seconds."""
    places = going(places, now)
    own = {other: until for other, until in places.held.get(model, {}).items() if other != upload_id}
    others = {other: turns for other, turns in places.held.items() if other != model}
    slow = {**places.slow, model: _text(now)} if seconds > SLOW_SECONDS else places.slow
    return Places({**others, model: own} if own else others, slow)


def pause(returns: int) -> int | None:
    """Give the seconds before an upload that was put off comes again; None when it is left to the sweep.

    Parameters
    ----------
    returns
        How often it came again since its event, or the sweep, sent it.
    """
    return None if returns >= MOST_RETURNS else min(FIRST_PAUSE << returns, LONGEST_PAUSE)


def put_off(why: str, until: datetime | None) -> str:
    """Say why an upload is not checked yet.

    Parameters
    ----------
    why
        As `take` gave it.
    until
        When it comes again; None when the sweep sends it.
    """
    when = "the sweep sends it again" if until is None else f"it comes again at {until:%Y-%m-%dT%H:%M:%SZ}"
    return f"not checked yet: {why}; {when}"


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
