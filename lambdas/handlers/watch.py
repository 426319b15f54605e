"""The function ``watch``: parses its event and calls `lambdas.rollout.watch`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.rollout.probes import Probing
from lambdas.rollout.watch import SPARE_SECONDS, Watching
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.deadlines import until
from lambdas.runtime.logging import entry


@cache
def watching() -> Watching:
    """Make the function's one service."""
    config = Config.from_env()
    return Watching(
        ledger=wiring.ledger(config),
        counts=wiring.live_counts(config),
        storage=wiring.storage(),
        alarms=wiring.alarms(),
        notifier=wiring.notifier(config),
        probing=Probing(places=wiring.places(config)),
        catalog=catalog.load(),
        stage=config.need("STAGE"),
        lake=config.need("LAKE_BUCKET"),
        clock=wiring.now,
    )


@entry
def handler(event: Any, context: Any) -> dict[str, str]:
    """Judge the step that the version of the run is at."""
    left = until(context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
    version = event["registration"]["version"]
    return watching().watch(event["model"], event["run_id"], version, event["rollout"], left)
