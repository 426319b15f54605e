"""Steps of a candidate from its deployment to its promotion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from relearn.spec.rollout import Canary, Limits, Rollout, Shadow, limits_to_dict
from relearn.traffic import route as routing
from relearn.traffic.route import Route


class Step(NamedTuple):
    """One step of a rollout.

    Parameters
    ----------
    phase
        Kind of the step.
    weight
        Share of requests that the candidate answers, in percent.
    minutes
        Duration before the candidate is judged, in minutes.
    limits
        Limits by which it is judged; None for a step that is not judged.
    longest
        Maximum duration if too little was seen, in minutes.
    """

    phase: Literal["shadow", "canary", "promote"]
    weight: int = 0
    minutes: float = 0.0
    limits: Limits | None = None
    longest: float = 0.0

    @property
    def words(self) -> str:
        """Return the name of the step."""
        return f"canary {self.weight} %" if self.phase == "canary" else self.phase

    def on(self, route: Route, version: int, judged_against: int) -> Route:
        """Return the route on which ``version`` is the candidate of this step, beside the champion.

        Raises
        ------
        ConflictError, FrozenRouteError, ValueError
            As `relearn.traffic.route.watch`.
        """
        return routing.watch(
            route, version, judged_against, weight=self.weight, shadow=self.phase == "shadow"
        )


def plan(rollout: Rollout, shadow: Shadow | None, route: Route) -> tuple[Step, ...]:
    """Return all steps of a candidate, the promotion last.

    The first version of a model has no champion to be compared with and is promoted at once.
    """
    steps = (
        [Step("shadow", 0, shadow.minutes, shadow.limits, shadow.longest_minutes)]
        if shadow is not None
        else []
    )
    if isinstance(rollout, Canary):
        minutes, longest = rollout.bake_minutes, rollout.longest_minutes
        steps += [Step("canary", weight, minutes, rollout.limits, longest) for weight in rollout.steps]
    return (*(steps if route.champion else ()), Step("promote"))


def step_to_dict(step: Step) -> dict[str, Any]:
    """Return a step as JSON-ready data; `step_from_dict` reads it back equal."""
    return {**step._asdict(), "limits": None if step.limits is None else limits_to_dict(step.limits)}


def step_from_dict(data: Mapping[str, Any]) -> Step:
    """Build a step from data that `step_to_dict` returned.

    Other keys are ignored; without ``minutes`` the step lasts 0 minutes, without ``longest`` never longer.
    """
    limits = None if data["limits"] is None else Limits(**data["limits"])
    minutes = data.get("minutes", 0.0)
    return Step(data["phase"], data["weight"], minutes, limits, data.get("longest", minutes))
