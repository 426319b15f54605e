"""The function ``watch``: parses its event and calls `lambdas.rollout.watch`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.rollout.probes import Prober
from lambdas.rollout.watch import SPARE_SECONDS, Look, RolloutWatch
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.deadlines import until
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import RunContext, Watched
from relearn.naming.environment import Variable


@once_per_process
def rollout_watch() -> RolloutWatch:
    """Construct the service that judges the steps of a rollout."""
    config = Config.from_env()
    return RolloutWatch(
        ledger=wiring.ledger(config),
        counts=wiring.live_counts(config),
        storage=wiring.storage(),
        alarms=wiring.alarms(),
        notifier=wiring.notifier(config),
        prober=Prober(backends=wiring.backends(config)),
        catalog=catalog.load(),
        stage=config.need(Variable.STAGE),
        lake=config.need(Variable.LAKE_BUCKET),
        clock=wiring.now,
    )


@entry
def handler(event: RunContext, context: Any) -> Watched:
    """Judge the current rollout step of the run's version."""
    left = until(context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
    version = event["registration"]["version"]
    look = Look(event["rollout"], event.get("watched"), left)
    return rollout_watch().watch(event["model"], event["run_id"], version, look)
