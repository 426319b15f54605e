"""Status of an endpoint or a job of SageMaker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """Status of an endpoint or a job.

    Parameters
    ----------
    status
        SageMaker's name of the status, such as ``"InService"`` or ``"InProgress"``.
    reason
        Why it failed; empty when it did not.
    """

    status: str
    reason: str = ""
