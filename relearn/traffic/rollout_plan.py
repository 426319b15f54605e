"""The steps of a candidate from its deployment to its promotion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

from relearn.spec.rollout import Canary, Limits, Rollout, Shadow
from relearn.traffic import route as routing
from relearn.traffic.route import Route


class Step(NamedTuple):
    """One step on the way of a candidate.

    Parameters
    ----------
    phase
        What it is.
    weight
        Share of requests that it answers, in percent.
    minutes
        How long, in minutes, before it is judged.
    limits
        By what; None: it is not.
    """

    phase: Literal["shadow", "canary", "promote"]
    weight: int = 0
    minutes: float = 0.0
    limits: Limits | None = None

    @property
    def words(self) -> str:
        """Say what it is in a word or two."""
        return f"canary {self.weight} %" if self.phase == "canary" else self.phase

    def on(self, route: Route, version: int, judged_against: int) -> Route:
        """Try a version beside the champion as this step says; what may be raised is `routing.watch`'s."""
        return routing.watch(
            route, version, judged_against, weight=self.weight, shadow=self.phase == "shadow"
        )


def plan(rollout: Rollout, shadow: Shadow | None, route: Route) -> tuple[Step, ...]:
    """Give the whole way of a candidate, the promotion last.

    The first version of a model has nobody to be compared with: it serves at once.
    """
    steps = [Step("shadow", 0, shadow.minutes, shadow.limits)] if shadow is not None else []
    if isinstance(rollout, Canary):
        steps += [Step("canary", weight, rollout.bake_minutes, rollout.limits) for weight in rollout.steps]
    return (*(steps if route.champion else ()), Step("promote"))


def step_to_dict(step: Step) -> dict[str, Any]:
    """Give a step as JSON-ready data; `step_from_dict` reads it back equal."""
    return {**step._asdict(), "limits": None if step.limits is None else asdict(step.limits)}


def step_from_dict(data: Mapping[str, Any]) -> Step:
    """Make a step of what `step_to_dict` gave, whatever is there besides; without its minutes it lasts none."""
    limits = None if data["limits"] is None else Limits(**data["limits"])
    return Step(data["phase"], data["weight"], data.get("minutes", 0.0), limits)
