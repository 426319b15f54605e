"""Replaces time, threads and connections of our process by simulated ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from moto.s3 import models as moto_s3

from lambdas import fast_wiring, wiring
from lambdas.aws.dynamo.exactly_once import Once
from lambdas.aws.fast import client
from lambdas.aws.metrics import Meter
from lambdas.runs import shard_profiles
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.serving import request_context
from lambdas.uploads import ingestion
from relearn.naming.environment import Variable
from tests.chaos.checks import Checks
from tests.chaos.history import History
from tests.chaos.models import CATALOG
from tests.chaos.wires import Wires
from tests.support.agenda import Clock
from tests.support.stage import _endpoints


def apply(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, history: History, wires: Wires, checks: Checks
) -> None:
    """Apply all replacements."""

    def meter(stage: str, now: Callable[[], Any]) -> Meter:
        return Meter(stage, now, history.metric)

    def seconds() -> float:
        return clock.now.timestamp()

    def once(config: Config) -> Once:
        return Once(
            wiring.table(config),
            wiring.storage(),
            config.need(Variable.LAKE_BUCKET),
            clock=seconds,
            sleep=clock.pass_seconds,
            threads=1,
        )

    replaced: list[tuple[Any, str, Any]] = [
        (wiring, "now", clock),
        (ingestion, "prepare", checks.prepare),
        (wiring, "meter", lambda config: meter(config.need(Variable.STAGE), clock)),
        (wiring, "once", once),
        (wiring, "endpoints", lambda config: _endpoints(config, clock)),
        (catalog, "load", lambda: CATALOG),
        (shard_profiles, "AT_ONCE", 1),
        (fast_wiring, "now", clock),
        (fast_wiring, "Meter", meter),
        (fast_wiring, "time", SimpleNamespace(monotonic=seconds, time=seconds)),
        (request_context, "threading", SimpleNamespace(Thread=_AtOnce)),
        (client, "Connections", wires.connect),
        (client, "PAUSE_SECONDS", (0.0, 0.0)),
        (moto_s3, "utcnow", lambda: clock().replace(tzinfo=None)),
    ]
    for owner, name, value in replaced:
        monkeypatch.setattr(owner, name, value)


class _AtOnce:
    """A thread that has ended when it is started, for a deterministic order."""

    def __init__(self, target: Callable[..., Any], args: tuple[Any, ...], *, daemon: bool) -> None:
        del daemon
        self._run = partial(target, *args)

    def start(self) -> None:
        with suppress(Exception):
            self._run()

    def join(self, seconds: float) -> None:
        del seconds

    def is_alive(self) -> bool:
        return False
