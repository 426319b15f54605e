"""Policy of retries: whether to retry after an error, and after how long; without input or output."""

from __future__ import annotations

from dataclasses import dataclass

from relearn_client.errors import KeyInUseError, NoAnswerError, ProblemError, RelearnClientError

RETRIED = frozenset({429, 500, 502, 503, 504})
"""Statuses that may differ at the next attempt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """Policy of retries, with exponential backoff and jitter.

    Only calls that are safe to repeat are retried: those that read, are idempotent, or carry an idempotency
    key.

    Parameters
    ----------
    attempts
        Maximum number of attempts; 1 never retries.
    base_seconds
        Maximum pause before the second attempt; it doubles with each further one.
    max_pause_seconds
        Maximum pause. When Retry-After is longer, the error is raised at once.

    Raises
    ------
    ValueError
        When a value is out of range.
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
        """Return the pause before the next attempt.

        Parameters
        ----------
        attempt
            Number of attempts so far, from 1.
        error
            Error of the last attempt.
        fraction
            Random number from 0 to 1, the share of the random half of the pause; it spreads out the retries
            of many clients.

        Returns
        -------
        float or None
            Seconds, at least those of Retry-After; None for no retry.
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
    """Whether the next attempt may have another result.

    An attempt without an answer may still be in progress at the server when the next one arrives, which then
    fails because its key is in use.
    """
    if isinstance(error, ProblemError):
        return error.status in RETRIED or isinstance(error, KeyInUseError)
    return isinstance(error, NoAnswerError)
