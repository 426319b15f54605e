"""Rollout of a version that won: at once, in steps, or after a shadow phase beside the champion.

::

    deployed ─► [shadow: copies of requests, no caller waits] ─► [canary: 10 % ─► 50 %] ─► promoted
                     └──────────── harm at any step ────────────────┴─► withdrawn: weight 0 at once

A step in which too little was seen lasts longer, up to its maximum; see `relearn.traffic.canary`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Literal

from relearn.errors import SpecError
from relearn.spec.columns import check, check_whole, is_finite_number, is_whole

LONGEST_MINUTES = 24 * 60
"""Maximum duration of one step, in minutes."""
LONGER = 3
"""Maximum duration of a step as a multiple of its duration, unless the spec names one."""
LARGEST_FALSE_ALARM = 0.5
"""Largest probability of a false alarm that a spec may ask for."""
UNDECIDED = ("promote", "withdraw")
"""What may follow a step in which too little was seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits by which a candidate may be worse than the champion, on requests in the same step.

    Parameters
    ----------
    requests
        Minimum number of requests to the candidate before a step is judged, 1 to 100,000; rows of the holdout
        are sent as probes when there are too few.
    error_rate
        Share, 0 or more, by which the candidate's error rate may exceed the champion's. A candidate above it is
        withdrawn once it is sure (`false_alarm`) that it fails more often than the champion.
    latency_ratio
        Maximum ratio of the candidate's 95th percentile of latency to the champion's, at least 1; see
        `relearn.traffic.latency.SLACK_MS`. The latency is the version's own time, without cold starts, and beside it
        the time that callers wait.
    shift
        Maximum shift of the answers. For a classification or a ranking: total variation distance, 0 to 1,
        between the shares of answers. For a regression: difference of the means, in standard deviations of
        the training data. A candidate above it is withdrawn once it is sure (`false_alarm`) that its answers
        differ; see `relearn.traffic.answer_shift`.
    flips
        Maximum share of a shadow's answers that differ from the champion's to the same request, beyond the share that
        the evaluation set predicts; in all, and of each label of the champion. For a ranking: share of the items.
        For a regression: mean distance, in standard deviations of the training data. See `relearn.traffic.pairs`.
    false_alarm
        Probability, above 0 and at most 0.5, that a candidate which fails exactly as often as the champion,
        takes as long and answers alike is withdrawn during the whole rollout, however often it is looked at; see
        `relearn.traffic.evidence`.
    undecided
        What becomes of a candidate of which too little was seen even at the step's maximum duration, and
        with probes: ``"promote"`` lets it go on to the next step, ``"withdraw"`` ends the rollout, which
        `false_alarm` does not count.
    cold_share
        Maximum share of the candidate's requests, above 0 and at most 1, that start a process (cold starts), once
        there are as many as `requests`; 1: any.
    cold_seconds
        Maximum of the mean time that a caller waits for a cold start, in seconds, above 0.
    """

    requests: int = 50
    error_rate: float = 0.01
    latency_ratio: float = 1.5
    shift: float = 0.2
    false_alarm: float = 0.01
    undecided: Literal["promote", "withdraw"] = "promote"
    cold_share: float = 1.0
    cold_seconds: float = 60.0
    flips: float = 0.2

    def __post_init__(self) -> None:
        check_whole("rollout.limits.requests", self.requests, 1, 100_000)
        for name, least in (("error_rate", 0), ("latency_ratio", 1), ("shift", 0), ("flips", 0)):
            value = getattr(self, name)
            right = is_finite_number(value) and value >= least
            check(right, f"rollout.limits.{name}", value, f"a number, at least {least}")
        alarm = self.false_alarm
        right = is_finite_number(alarm) and 0 < alarm <= LARGEST_FALSE_ALARM
        check(right, "rollout.limits.false_alarm", alarm, f"a number above 0, at most {LARGEST_FALSE_ALARM}")
        share, seconds = self.cold_share, self.cold_seconds
        right = is_finite_number(share) and 0 < share <= 1
        check(right, "rollout.limits.cold_share", share, "a number above 0, at most 1")
        right = is_finite_number(seconds) and seconds > 0
        check(right, "rollout.limits.cold_seconds", seconds, "a number above 0")
        check(self.undecided in UNDECIDED, "rollout.limits.undecided", self.undecided, " or ".join(UNDECIDED))


@dataclass(frozen=True, kw_only=True, slots=True)
class Instant:
    """Rollout that sends all requests to the new version at once."""

    type: ClassVar[str] = "instant"


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """Rollout that sends a share of requests to the new version, rising while it does well.

    Parameters
    ----------
    steps
        Shares of requests in percent, 1 to 99, rising.
    bake_minutes
        Duration of each step, in minutes.
    limits
        Limits that end the rollout when they are breached.
    max_minutes
        Maximum duration of a step in which too little was seen, in minutes, at least `bake_minutes`; None: three
        times as long.
    """

    type: ClassVar[str] = "canary"
    steps: tuple[int, ...] = (10, 50)
    bake_minutes: float = 5
    limits: Limits = field(default_factory=Limits)
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        steps = self.steps
        whole = isinstance(steps, tuple) and bool(steps) and all(is_whole(step, 1, 99) for step in steps)
        right = whole and all(a < b for a, b in pairwise(steps))
        check(right, "rollout.steps", self.steps, "a tuple of whole percents, 1 to 99, rising")
        _minutes("rollout.bake_minutes", self.bake_minutes)
        _max_minutes("rollout.max_minutes", self.max_minutes, self.bake_minutes)

    @property
    def longest_minutes(self) -> float:
        """Maximum duration of a step, in minutes."""
        return _longest(self.max_minutes, self.bake_minutes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shadow:
    """Phase in which the new version gets shadow requests; callers do not wait for it nor see its answers.

    Parameters
    ----------
    minutes
        Duration, in minutes.
    limits
        Limits that end the rollout when they are breached.
    max_minutes
        Maximum duration of the phase if too little was seen, in minutes, at least `minutes`; None: three times
        as long.
    """

    minutes: float = 10
    limits: Limits = field(default_factory=Limits)
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        _minutes("shadow.minutes", self.minutes)
        _max_minutes("shadow.max_minutes", self.max_minutes, self.minutes)

    @property
    def longest_minutes(self) -> float:
        """Maximum duration of the phase, in minutes."""
        return _longest(self.max_minutes, self.minutes)


Rollout = Instant | Canary


_KNOWN = ("requests", "error_rate", "latency_ratio", "shift")
"""Fields of `Limits` that earlier releases know."""


def limits_to_dict(limits: Limits) -> dict[str, Any]:
    """Return ``limits`` as JSON-ready data, as arguments of `Limits`.

    Fields that an earlier release does not know are left out where they have the default, so that it reads
    what a later one wrote.
    """
    default = asdict(Limits())
    return {name: value for name, value in asdict(limits).items() if name in _KNOWN or value != default[name]}


def to_dict(rollout: Rollout) -> dict[str, Any]:
    """Return ``rollout`` as JSON-ready data; `from_dict` reads it back equal."""
    if isinstance(rollout, Instant):
        return {"type": rollout.type}
    return {"type": rollout.type, **_phase_to_dict(rollout)}


def from_dict(data: dict[str, Any]) -> Rollout:
    """Build a rollout from data that `to_dict` returned.

    Raises
    ------
    SpecError
        The data is not a rollout, or breaks one of its rules.
    """
    rest = dict(data)
    match kind := rest.pop("type", None):
        case Instant.type:
            return Instant()
        case Canary.type:
            return Canary(**{**rest, "steps": tuple(rest["steps"]), "limits": Limits(**rest["limits"])})
        case _:
            raise SpecError("rollout.type", kind, f"{Instant.type} or {Canary.type}")


def shadow_to_dict(shadow: Shadow | None) -> dict[str, Any] | None:
    """Return a shadow phase as JSON-ready data; `shadow_from_dict` reads it back equal."""
    return None if shadow is None else _phase_to_dict(shadow)


def shadow_from_dict(data: dict[str, Any] | None) -> Shadow | None:
    """Build a shadow phase from JSON-ready data; None for None.

    Raises
    ------
    SpecError
        The data breaks a rule.
    """
    return None if data is None else Shadow(**{**data, "limits": Limits(**data["limits"])})


def _phase_to_dict(phase: Canary | Shadow) -> dict[str, Any]:
    data = {**asdict(phase), "limits": limits_to_dict(phase.limits)}
    return data if phase.max_minutes is not None else {k: v for k, v in data.items() if k != "max_minutes"}


def _longest(longest: float | None, minutes: float) -> float:
    return min(LONGER * minutes, LONGEST_MINUTES) if longest is None else longest


def _max_minutes(name: str, value: object, least: float) -> None:
    right = value is None or (is_finite_number(value) and least <= value <= LONGEST_MINUTES)  # type: ignore[operator]
    check(right, name, value, f"a number of minutes, {least:g} to {LONGEST_MINUTES}, or None")


def _minutes(name: str, value: object) -> None:
    right = is_finite_number(value) and 0 <= value <= LONGEST_MINUTES  # type: ignore[operator]
    check(right, name, value, f"a number of minutes, 0 to {LONGEST_MINUTES}")
