"""How something is that SageMaker runs for us."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """How an endpoint or a job is.

    Parameters
    ----------
    status
        SageMaker's word, e.g. ``"InService"`` or ``"InProgress"``.
    reason
        Why it failed, when it did.
    """

    status: str
    reason: str = ""
