"""When it is worth asking again, and after how long: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from relearn_client.errors import KeyInUseError, NoAnswerError, ProblemError, RelearnClientError

RETRIED = frozenset({429, 500, 502, 503, 504})
"""Statuses that may be another on the next attempt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """How often and how patiently to ask.

    Only what is safe to repeat is repeated: a call that reads, or that carries an Idempotency-Key.

    Parameters
    ----------
    attempts
        How many times to ask in all; 1 never repeats.
    base_seconds
        Longest pause before the second attempt; doubles with every further one.
    max_pause_seconds
        Longest pause. When the API says by Retry-After that it needs longer, its error is raised at once.

    Raises
    ------
    ValueError
        A value is out of range.
    """

    attempts: int = 4
    base_seconds: float = 0.2
    max_pause_seconds: float = 20.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts: got {self.attempts}; allowed: 1 or more")
        if not 0 <= self.base_seconds <= self.max_pause_seconds:
            raise ValueError(
                f"base_seconds, max_pause_seconds: got {self.base_seconds:g}, {self.max_pause_seconds:g}; "
                "allowed: 0 <= base_seconds <= max_pause_seconds"
            )

    def pause(self, attempt: int, error: RelearnClientError, fraction: float) -> float | None:
        """Say how long to wait before asking again.

        Parameters
        ----------
        attempt
            How many times the API was asked, from 1.
        error
            How the last attempt ended.
        fraction
            From 0 to 1: which part of the random half of the pause is taken, so that many clients that failed
            together do not come back together.

        Returns
        -------
        float or None
            Seconds, never fewer than Retry-After says; None when one should not ask again.
        """
        if attempt >= self.attempts or not _may_pass(error):
            return None
        asked = error.retry_after if isinstance(error, ProblemError) else None
        if asked is not None and asked > self.max_pause_seconds:
            return None
        doubled = self.base_seconds * 2.0 ** min(attempt - 1, 60)
        backoff = min(doubled, self.max_pause_seconds) * (0.5 + fraction / 2)
        return max(asked or 0.0, backoff)


def _may_pass(error: RelearnClientError) -> bool:
    """Whether the next attempt may end otherwise.

    An attempt that got no answer may still be under way at the server when the next one arrives there, which is then
    told that its key is in use.
    """
    if isinstance(error, ProblemError):
        return error.status in RETRIED or isinstance(error, KeyInUseError)
    return isinstance(error, NoAnswerError)
