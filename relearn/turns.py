"""Turns at the check of uploads: one model has some of ingest's places, never all, so slow files of one sender starve nobody.

A check takes a turn before it begins and gives it back when it ends; the turn of a function that was killed ends by
itself, with the time that the function had. An upload that gets no turn is put off: it comes again by itself, after a
pause that grows, and counts as no check and no failure meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

AT_ONCE = 5
"""Messages that ingest works on at once: the concurrency of its event source."""
OF_ONE_MODEL = AT_ONCE // 2 + 1
"""Checks of one model's uploads at once; the other places are for other models."""
FIRST_PAUSE, LONGEST_PAUSE = 5, 900
"""Seconds before an upload that was put off comes again, at first and at most; SQS delays no message longer than 900 s."""
MOST_RETURNS = 12
"""How often an upload comes again by itself before it is left to the sweep: AWS Lambda stops a function whose messages
call it about 16 times in a row (AWS Lambda Developer Guide, "Use Lambda recursive loop detection")."""
UNKNOWN = ""
"""Whose turns uploads take that are for no known model: senders of made-up names have no more room than one model."""


def going(held: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Give the turns that have not ended: id of the upload to when at the latest its check ends, ISO 8601."""
    return {upload_id: until for upload_id, until in held.items() if datetime.fromisoformat(until) > now}


def take(held: Mapping[str, str], upload_id: str, now: datetime, until: datetime) -> dict[str, str] | None:
    """Take a turn.

    Parameters
    ----------
    held
        The model's turns.
    upload_id
        Whose check is about to begin.
    now, until
        When it begins, and when at the latest it ends; aware.

    Returns
    -------
    dict or None
        The model's turns with the new one; None when all are taken, or another delivery of the upload has one.
    """
    others = going(held, now)
    if upload_id in others or len(others) >= OF_ONE_MODEL:
        return None
    return {**others, upload_id: until.isoformat(timespec="milliseconds")}


def pause(returns: int) -> int | None:
    """Give the seconds before an upload that was put off comes again; None when it is left to the sweep.

    Parameters
    ----------
    returns
        How often it came again since its event, or the sweep, sent it.
    """
    return None if returns >= MOST_RETURNS else min(FIRST_PAUSE << returns, LONGEST_PAUSE)


def put_off(model: str, until: datetime | None) -> str:
    """Say why an upload is not checked yet.

    Parameters
    ----------
    model
        Whose turns are taken; `UNKNOWN` for no known model.
    until
        When it comes again; None when the sweep sends it.
    """
    when = "the sweep sends it again" if until is None else f"it comes again at {until:%Y-%m-%dT%H:%M:%SZ}"
    return f"not checked yet: {OF_ONE_MODEL} checks of {model or 'unknown models'} are under way, as many as may be at once; {when}"
