"""Begins the next step of a candidate's rollout: a shadow, a canary with a share of the requests, the promotion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.runtime.catalog import Catalog
from relearn.lifecycle import decisions
from relearn.lifecycle.run_context import RolloutStep
from relearn.lifecycle.runs import RunState
from relearn.traffic import rollout_plan
from relearn.traffic.rollout_plan import Step
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
            ``revision`` of the route, under which requests are counted; ``began`` and ``until``, ISO 8601;
            ``wait_seconds`` until the next look.

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
            route = self._watch(model, run_id, version, route, step)
        seconds = self.seconds if self.seconds is not None else round(step.minutes * 60)
        return {
            "steps": steps,
            "index": index,
            "phase": step.phase,
            "weight": step.weight,
            "limits": steps[index]["limits"],
            "revision": route.revision,
            "began": self.clock().isoformat(),
            "wait_seconds": math.ceil(seconds / looks(seconds, len(steps))),
            "until": (self.clock() + timedelta(seconds=seconds)).isoformat(),
        }

    def _plan(self, model: str, route: Route) -> list[dict[str, Any]]:
        spec = self.catalog.spec(model)
        return [
            rollout_plan.step_to_dict(step) for step in rollout_plan.plan(spec.rollout, spec.shadow, route)
        ]

    def _watch(self, model: str, run_id: str, version: int, route: Route, step: Step) -> Route:
        run = self.ledger.run(model, run_id)
        new = step.on(route, version, run.champion_version)
        if run.state is not RunState.WATCHING:
            self.ledger.move_run(run, RunState.WATCHING, run.reason)
        if new is not route:
            self.ledger.write_route(model, route, new, {}, Change(step.words, f"run {run_id}", run.reason))
        return new


def looks(seconds: int, steps: int) -> int:
    """Return how often a step of ``seconds`` is looked at in a rollout of ``steps`` steps, the promotion counted: at least once."""
    return max(1, min(MOST_LOOKS, MOST_LOOKS_IN_ALL // steps, math.ceil(seconds / LOOK_SECONDS)))
