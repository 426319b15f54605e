"""Takes a candidate one step further on its way to serving: a shadow, a share of the requests, at last the promotion.

The way is drawn once, when the first step begins, and carried along: neither a new spec nor another route changes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.runtime.catalog import Catalog
from relearn.lifecycle import decisions
from relearn.lifecycle.runs import RunState
from relearn.traffic import rollout_plan
from relearn.traffic.rollout_plan import Step
from relearn.traffic.route import Change, Route

LOOK_SECONDS = 60
"""So often, at most, a step is looked at before its time is up."""


MOST_LOOKS = 60
"""At one step: an execution has room for 25,000 events."""


class RolloutSteps:
    """Begins the steps of a rollout.

    Parameters
    ----------
    ledger
        The ledger.
    catalog
        The models.
    seconds
        How long every step lasts, whatever the specs say; None: they decide.
    clock
        Returns the time, aware.
    """

    def __init__(
        self, *, ledger: Ledger, catalog: Catalog, seconds: int | None, clock: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._seconds = seconds
        self._clock = clock

    def advance(
        self, model: str, run_id: str, version: int, before: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Begin the next step.

        Parameters
        ----------
        model, run_id, version
            The candidate, and the run that made it.
        before
            What the call before returned; None for the first.

        Returns
        -------
        dict
            ``steps``: the whole way. Of this one: its ``index``, ``phase``, ``weight`` and ``limits``, the ``revision`` of the route
            that it is counted under, when it ``began``, ``wait_seconds`` until it is looked at, and ``until`` when it lasts.

        Raises
        ------
        ConflictError
            Another version became champion since the judgement, someone wrote the route right now, or nobody
            approved a version that has to be.
        FrozenRouteError
            Someone froze the route.
        """
        if before is None and (candidate := self._ledger.version(model, version)) is not None:
            decisions.refuse_undecided(candidate)
        route = self._ledger.route(model)
        steps = self._plan(model, route) if before is None else before["steps"]
        index = 0 if before is None else before["index"] + 1
        # Whoever promoted it by hand meanwhile has gone the rest of its way.
        index = len(steps) - 1 if route.champion == version else index
        step = rollout_plan.step_from_dict(steps[index])
        if step.phase != "promote":
            route = self._watch(model, run_id, version, route, step)
        seconds = self._seconds if self._seconds is not None else round(step.minutes * 60)
        return {
            "steps": steps,
            "index": index,
            "phase": step.phase,
            "weight": step.weight,
            "limits": steps[index]["limits"],
            "revision": route.revision,
            "began": self._clock().isoformat(),
            "wait_seconds": math.ceil(seconds / _looks(seconds)),
            "until": (self._clock() + timedelta(seconds=seconds)).isoformat(),
        }

    def _plan(self, model: str, route: Route) -> list[dict[str, Any]]:
        spec = self._catalog.spec(model)
        return [
            rollout_plan.step_to_dict(step) for step in rollout_plan.plan(spec.rollout, spec.shadow, route)
        ]

    def _watch(self, model: str, run_id: str, version: int, route: Route, step: Step) -> Route:
        run = self._ledger.run(model, run_id)
        new = step.on(route, version, run.champion_version)
        if run.state is not RunState.WATCHING:
            self._ledger.move_run(run, RunState.WATCHING, run.reason)
        if new is not route:
            self._ledger.write_route(model, route, new, {}, Change(step.words, f"run {run_id}", run.reason))
        return new


def _looks(seconds: int) -> int:
    return max(1, min(MOST_LOOKS, math.ceil(seconds / LOOK_SECONDS)))
