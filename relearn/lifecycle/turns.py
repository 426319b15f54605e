"""Fair shares of ingest's concurrency: one model, or many slow files, cannot occupy all of ingest's places.

A check takes a turn (a place until a deadline) before it begins, and gives it back when it ends. When the
function is killed, the turn ends at its deadline. An upload that gets no turn is put off: it is delivered
again after a pause that grows, and until then counts neither as a check nor as a failure.

Each model may hold `OF_ONE_MODEL` places. The last free place is reserved for models that hold none and had
no slow check lately.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

AT_ONCE = 5
"""Messages that ingest handles at the same time: the maximum concurrency of its event source mapping."""
OF_ONE_MODEL = AT_ONCE // 2 + 1
"""Maximum number of concurrent checks of one model's uploads; the other places are for other models."""
SLOW_SECONDS = 60
"""Duration, in seconds, above which a check is slow."""
REMEMBERED = timedelta(hours=1)
"""Time for which a model counts as slow after its last slow check."""
FIRST_PAUSE, LONGEST_PAUSE = 5, 900
"""Seconds before an upload that was put off is delivered again: the first pause and the longest. SQS delays a
message by at most 900 s."""
MOST_RETURNS = 12
"""How often an upload is delivered again before it is left to the sweep. AWS Lambda stops a function whose
messages invoke it about 16 times in a row (AWS Lambda Developer Guide, "Use Lambda recursive loop
detection")."""
UNKNOWN = "unknown models"
"""Model name under which uploads for unknown models take turns: senders of invented names together get no
more places than one model."""


@dataclass(frozen=True, slots=True)
class Places:
    """State of ingest's places: who holds which.

    Parameters
    ----------
    held
        Model to its turns: upload id to the deadline of its check, ISO 8601, UTC.
    slow
        Model to the end of its last slow check, ISO 8601, UTC.
    """

    held: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    slow: Mapping[str, str] = field(default_factory=dict)

    @property
    def taken(self) -> int:
        """Number of places that are taken."""
        return sum(len(turns) for turns in self.held.values())


def going(places: Places, now: datetime) -> Places:
    """Return the places without the turns whose deadline has passed.

    Such a turn was never given back, so its check counts as slow. Slow checks older than `REMEMBERED` are
    dropped.

    Parameters
    ----------
    places
        Places as they were stored.
    now
        Current time, time-zone aware.
    """
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
    """Take a turn for a check.

    Parameters
    ----------
    places
        Places as they were stored.
    model, upload_id
        Model and upload of the check that is about to begin.
    now, until
        Begin and deadline of the check, time-zone aware.
    slow
        Whether an earlier check of this upload was slow.

    Returns
    -------
    Places or str
        The places with the new turn; or the reason why there is no turn for the upload.
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
    """Return the places without the turn of a check that has ended.

    Parameters
    ----------
    places
        Places as they were stored.
    model, upload_id
        Model and upload of the check.
    now
        End of the check, time-zone aware.
    seconds
        Duration of the check; above `SLOW_SECONDS` the model counts as slow.
    """
    places = going(places, now)
    own = {other: until for other, until in places.held.get(model, {}).items() if other != upload_id}
    others = {other: turns for other, turns in places.held.items() if other != model}
    slow = {**places.slow, model: _text(now)} if seconds > SLOW_SECONDS else places.slow
    return Places({**others, model: own} if own else others, slow)


def pause(returns: int) -> int | None:
    """Return the seconds before an upload is delivered again; None when it is left to the sweep.

    Parameters
    ----------
    returns
        How often it was delivered again since its event, or the sweep, sent it.
    """
    return None if returns >= MOST_RETURNS else min(FIRST_PAUSE << returns, LONGEST_PAUSE)


def put_off(why: str, until: datetime | None) -> str:
    """Describe why an upload is not checked yet.

    Parameters
    ----------
    why
        Reason that `take` returned.
    until
        Time of the next delivery, UTC; None when the sweep sends it.
    """
    when = "the sweep sends it again" if until is None else f"it comes again at {until:%Y-%m-%dT%H:%M:%SZ}"
    return f"not checked yet: {why}; {when}"


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
