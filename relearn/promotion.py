"""May this candidate replace the champion? A pure decision on plain numbers, with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from relearn.spec import Metric


@dataclass(frozen=True, slots=True)
class Naive:
    """How a candidate does against the simplest method there is, on the same holdout.

    Parameters
    ----------
    method
        Its name, for people, e.g. ``"popularity"``.
    value
        The deciding metric of it.
    mean
        By how much the candidate is better, the mean over entities.
    low
        By how much at least: a one-sided bound, so that luck does not pass for skill.
    confidence
        Of that bound, 0 to 1.
    """

    method: str
    value: float
    mean: float
    low: float
    confidence: float

    @classmethod
    def read(cls, data: Mapping[str, Any] | None, metric: str) -> Naive | None:
        """Read it from a report, for the metric that decides; None where the report has none.

        Raises
        ------
        LookupError, TypeError, ValueError
            It is not as agreed, or about another metric.
        """
        if data is None:
            return None
        lead = data["lead"]
        if lead["metric"] != metric:
            raise ValueError(f"the lead is of {lead['metric']}, not of {metric}")
        figures = (data["metrics"][metric], lead["mean"], lead["low"], lead["confidence"])
        return cls(str(data["method"]), *map(float, figures))

    @property
    def words(self) -> str:
        """Say it in words."""
        return f"better than {self.method}, {self.value:.4f}, by at least {self.low:.4f} ({self.confidence:.0%} sure)"


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


def decide(
    candidate: Mapping[str, float],
    champion: Mapping[str, float] | None,
    policy: Metric,
    naive: Naive | None = None,
) -> Decision:
    """Judge a candidate against the spec's absolute bound, the simplest method and the champion.

    All were measured on the same holdout. NaN and infinity never win: a candidate's metric
    that is not finite is rejected, and a champion's that is not finite decides nothing, so the
    candidate is rejected too until someone looks.

    Parameters
    ----------
    candidate, champion
        Metric name to value; None when nothing serves yet.
    policy
        The spec's metric.
    naive
        How the candidate does against the simplest method; None: its kind of model is not held against one.

    Returns
    -------
    Decision
        The verdict and its reason.
    """
    name = policy.name
    value = candidate.get(name, math.nan)
    if not math.isfinite(value):
        return Decision("reject", f"{name} of the candidate is {value}, not a finite number")
    refusal = _below_the_bound(value, policy) or _below_naive(value, naive, policy)
    if refusal is not None:
        return Decision("reject", refusal)
    beside = "" if naive is None else f"; {naive.words}"
    if champion is None:
        return Decision(
            "promote", f"{name} {value:.4f} meets the spec's bound, {_demanded(policy)}{beside}; first model"
        )
    rival = champion.get(name, math.nan)
    if not math.isfinite(rival):
        return Decision("reject", f"{name} of the champion is {rival}: nothing to compare {value:.4f} with")
    target = rival - policy.margin if policy.lower_is_better else rival + policy.margin
    compared = f"{name} {value:.4f} against the champion's {rival:.4f}"
    if not _as_good(value, target, policy):
        return Decision("reject", f"{compared}; needed {_word(policy)} {target:.4f} on the same holdout")
    return Decision("promote", f"{compared} on the same holdout{beside}")


def _below_the_bound(value: float, policy: Metric) -> str | None:
    if _as_good(value, _bound(policy), policy):
        return None
    return f"{policy.name} {value:.4f}; the spec demands {_demanded(policy)}"


def _below_naive(value: float, naive: Naive | None, policy: Metric) -> str | None:
    if naive is None or naive.low > 0:  # false for NaN
        return None
    return (
        f"{policy.name} {value:.4f} is not surely better than {naive.method}, {naive.value:.4f}: by at least "
        f"{naive.low:.4f} ({naive.confidence:.0%} sure); needed above 0"
    )


def _bound(policy: Metric) -> float:
    bound = policy.maximum if policy.lower_is_better else policy.minimum
    assert bound is not None  # noqa: S101 - Metric checks it
    return bound


def _demanded(policy: Metric) -> str:
    return f"{_word(policy)} {_bound(policy):g}"


def _word(policy: Metric) -> str:
    return "at most" if policy.lower_is_better else "at least"


def _as_good(value: float, target: float, policy: Metric) -> bool:
    return value <= target if policy.lower_is_better else value >= target
