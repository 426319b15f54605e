"""Begins the next step of a candidate's rollout: a shadow, a canary with a share of the requests, the promotion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.runtime.catalog import Catalog
from relearn.cutting import cut
from relearn.lifecycle import decisions
from relearn.lifecycle.run_context import RolloutStep
from relearn.lifecycle.runs import MAX_REASON, Run, RunState
from relearn.traffic import forecast, rollout_plan
from relearn.traffic.route import Change, Route

LOOK_SECONDS = 60
"""Longest time between two looks at a step, in seconds, unless `MOST_LOOKS` requires a longer one."""
MOST_LOOKS = 60
"""Largest number of looks at one step."""
MOST_LOOKS_IN_ALL = 600
"""Largest number of looks at all steps of a rollout, which may have 100.

The history of an execution holds 25,000 events, and a look adds 9: "Service quotas" in the Step Functions Developer Guide.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSteps:
    """Begins the steps of a rollout.

    Parameters
    ----------
    ledger
        Holds routes, runs and versions.
    catalog
        Specs of all models.
    seconds
        Length of every step in seconds, in place of the specs'; None: the specs'.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    catalog: Catalog
    seconds: int | None
    clock: Callable[[], datetime]

    def advance(self, model: str, run_id: str, version: int, before: RolloutStep | None) -> RolloutStep:
        """Begin the next step.

        Parameters
        ----------
        model, run_id, version
            The candidate, and the run that produced it.
        before
            Result of the previous call; None for the first.

        Returns
        -------
        RolloutStep
            ``steps``: the whole plan. Of this step: ``index``, ``phase``, ``weight`` and ``limits``;
            ``revision`` of the route, under which requests are counted; ``began``, ``until`` and ``longest``,
            ISO 8601; ``wait_seconds`` until the next look.

        Raises
        ------
        ConflictError
            Another version became champion since the judgement, another writer changed the route at the same
            time, or the version needs an approval that it does not have.
        FrozenRouteError
            A person froze the route.
        """
        if before is None and (candidate := self.ledger.version(model, version)) is not None:
            decisions.refuse_undecided(candidate)
        route = self.ledger.route(model)
        steps = self._plan(model, route) if before is None else before["steps"]
        index = 0 if before is None else before["index"] + 1
        # A version that a person has promoted meanwhile goes straight to the last step.
        index = len(steps) - 1 if route.champion == version else index
        step = rollout_plan.step_from_dict(steps[index])
        if step.phase != "promote":
            route = self._watch(self.ledger.run(model, run_id), version, route, steps, index)
        seconds = self.seconds if self.seconds is not None else round(step.minutes * 60)
        longest = max(seconds, self.seconds if self.seconds is not None else round(step.longest * 60))
        now = self.clock()
        return {
            "steps": steps,
            "index": index,
            "phase": step.phase,
            "weight": step.weight,
            "limits": steps[index]["limits"],
            "revision": route.revision,
            "began": now.isoformat(),
            "wait_seconds": wait_seconds(seconds, longest, len(steps)),
            "until": (now + timedelta(seconds=seconds)).isoformat(),
            "longest": (now + timedelta(seconds=longest)).isoformat(),
        }

    def _plan(self, model: str, route: Route) -> list[dict[str, Any]]:
        spec = self.catalog.spec(model)
        return [
            rollout_plan.step_to_dict(step) for step in rollout_plan.plan(spec.rollout, spec.shadow, route)
        ]

    def _watch(self, run: Run, version: int, route: Route, steps: list[dict[str, Any]], index: int) -> Route:
        """Write the step at ``index`` into the route; into the run and the route's history, what the steps can find."""
        step = rollout_plan.step_from_dict(steps[index])
        new = step.on(route, version, run.champion_version)
        if run.state is not RunState.WATCHING:
            finds = forecast.words([rollout_plan.step_from_dict(one) for one in steps])
            reason = "; ".join(filter(None, (run.reason, finds)))
            run = self.ledger.move_run(run, RunState.WATCHING, cut(reason, MAX_REASON))
        if new is not route:
            change = Change(step.words, f"run {run.run_id}", run.reason)
            self.ledger.write_route(run.model, route, new, {}, change)
        return new


def wait_seconds(seconds: int, longest: int, steps: int) -> int:
    """Return the seconds from one look at a step to the next.

    A look comes every `LOOK_SECONDS`, unless that would be too many within the ``longest`` duration of the step.

    Parameters
    ----------
    seconds, longest
        Duration of the step, and its duration if too little was seen, in seconds.
    steps
        Number of steps in the rollout, the promotion counted.
    """
    most = max(1, min(MOST_LOOKS, MOST_LOOKS_IN_ALL // steps))
    within = max(1, min(most, math.ceil(seconds / LOOK_SECONDS)))
    return max(math.ceil(seconds / within), math.ceil(longest / most))


def looks(seconds: int, longest: int, steps: int) -> int:
    """Return how often a step is looked at, at most; at least once. Parameters are those of `wait_seconds`."""
    return math.ceil(max(seconds, longest) / max(1, wait_seconds(seconds, longest, steps))) or 1
