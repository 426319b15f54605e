"""How a version that won comes to serve: at once, step by step, or beside the champion first.

::

    deployed ─► [shadow: copies of requests, nobody waits] ─► [canary: 10 % ─► 50 %] ─► promoted
                     └──────────── a breach at any step ────────────┴─► withdrawn: weight 0 at once
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from relearn.errors import SpecError
from relearn.spec.columns import check, is_finite_number

LONGEST_MINUTES = 24 * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a candidate may be worse by than the champion, on requests that both met.

    Parameters
    ----------
    requests
        Requests to the candidate, at least, before a step is judged; rows of the holdout make up for what
        is lacking.
    error_rate
        By how much its share of failed requests may be above the champion's; 0: not one more may fail. Otherwise
        one failure alone is no reason.
    latency_ratio
        How many times the champion's its 95th percentile of latency may be; see `relearn.traffic.canary.SLACK_MS`.
    shift
        Of a classification or a ranking: the total variation distance, 0 to 1, between both answers' shares.
        Of a regression: the difference of both means, in standard deviations of the training data.
        What chance does to so few requests is allowed on top; see `relearn.traffic.answer_shift`.
    """

    requests: int = 50
    error_rate: float = 0.01
    latency_ratio: float = 1.5
    shift: float = 0.2

    def __post_init__(self) -> None:
        right = isinstance(self.requests, int) and 1 <= self.requests <= 100_000  # noqa: PLR2004
        check(right, "rollout.limits.requests", self.requests, "a whole number, 1 to 100000")
        for name, least in (("error_rate", 0), ("latency_ratio", 1), ("shift", 0)):
            value = getattr(self, name)
            right = is_finite_number(value) and value >= least
            check(right, f"rollout.limits.{name}", value, f"a number, at least {least}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Instant:
    """All requests go to the new version at once."""

    type: ClassVar[str] = "instant"


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """A share of requests goes to the new version, and more when it does as well as the champion.

    Parameters
    ----------
    steps
        Shares, in percent, rising.
    bake_minutes
        How long each lasts, in minutes.
    limits
        What ends it.
    """

    type: ClassVar[str] = "canary"
    steps: tuple[int, ...] = (10, 50)
    bake_minutes: float = 5
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.steps, self.steps[1:], strict=False))
        whole = all(isinstance(step, int) and 1 <= step <= 99 for step in self.steps)  # noqa: PLR2004
        right = isinstance(self.steps, tuple) and bool(self.steps) and whole and rising
        check(right, "rollout.steps", self.steps, "a tuple of whole percents, 1 to 99, rising")
        _minutes("rollout.bake_minutes", self.bake_minutes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shadow:
    """The new version gets a copy of requests; callers wait for nothing, and nobody sees its answers.

    Parameters
    ----------
    minutes
        How long, in minutes.
    limits
        What ends it.
    """

    minutes: float = 10
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        _minutes("shadow.minutes", self.minutes)


Rollout = Instant | Canary


def to_dict(rollout: Rollout) -> dict[str, Any]:
    """Give it as JSON-ready data; `from_dict` reads it back equal."""
    return {"type": rollout.type, **asdict(rollout)}


def from_dict(data: dict[str, Any]) -> Rollout:
    """Make it from what `to_dict` gave.

    Raises
    ------
    SpecError
        The data is neither, or breaks one of their rules.
    """
    rest = dict(data)
    match kind := rest.pop("type", None):
        case Instant.type:
            return Instant()
        case Canary.type:
            return Canary(**{**rest, "steps": tuple(rest["steps"]), "limits": Limits(**rest["limits"])})
        case _:
            raise SpecError("rollout.type", kind, f"{Instant.type} or {Canary.type}")


def shadow_from_dict(data: dict[str, Any] | None) -> Shadow | None:
    """Make a shadow of its JSON; None of None."""
    return None if data is None else Shadow(**{**data, "limits": Limits(**data["limits"])})


def _minutes(name: str, value: object) -> None:
    right = is_finite_number(value) and 0 <= value <= LONGEST_MINUTES  # type: ignore[operator]
    check(right, name, value, f"a number of minutes, 0 to {LONGEST_MINUTES}")
