"""May this candidate replace the champion? A pure decision on plain numbers, with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from relearn.spec import Metric


@dataclass(frozen=True, slots=True)
class Decision:
    """What `decide` says.

    Parameters
    ----------
    verdict
        Whether the candidate goes on to be registered and served.
    reason
        Why, with the figures.
    """

    verdict: Literal["promote", "reject"]
    reason: str


def decide(candidate: Mapping[str, float], champion: Mapping[str, float] | None, policy: Metric) -> Decision:
    """Judge a candidate against the spec's absolute bound and against the champion.

    Both were measured on the same holdout. NaN and infinity never win: a candidate's metric
    that is not finite is rejected, and a champion's that is not finite decides nothing, so the
    candidate is rejected too until someone looks.

    Parameters
    ----------
    candidate, champion
        Metric name to value; None when nothing serves yet.
    policy
        The spec's metric.

    Returns
    -------
    Decision
        The verdict and its reason.
    """
    name = policy.name
    value = candidate.get(name, math.nan)
    if not math.isfinite(value):
        return Decision("reject", f"{name} of the candidate is {value}, not a finite number")
    bound = policy.maximum if policy.lower_is_better else policy.minimum
    assert bound is not None  # noqa: S101 - Metric checks it
    word = "at most" if policy.lower_is_better else "at least"
    if not _as_good(value, bound, policy):
        return Decision("reject", f"{name} {value:.4f}; the spec demands {word} {bound:g}")
    if champion is None:
        return Decision(
            "promote", f"{name} {value:.4f} meets the spec's bound, {word} {bound:g}; first model"
        )
    rival = champion.get(name, math.nan)
    if not math.isfinite(rival):
        return Decision("reject", f"{name} of the champion is {rival}: nothing to compare {value:.4f} with")
    target = rival - policy.margin if policy.lower_is_better else rival + policy.margin
    if not _as_good(value, target, policy):
        return Decision(
            "reject",
            f"{name} {value:.4f} against the champion's {rival:.4f}; needed {word} {target:.4f} on the same holdout",
        )
    return Decision("promote", f"{name} {value:.4f} against the champion's {rival:.4f} on the same holdout")


def _as_good(value: float, target: float, policy: Metric) -> bool:
    return value <= target if policy.lower_is_better else value >= target
