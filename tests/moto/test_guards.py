"""Alarms that a rollout heeds: one that goes off while a candidate is tried ends the trial; others do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from lambdas.runtime.catalog import Catalog
from relearn.lifecycle.runs import RunState
from relearn.naming import resources
from relearn.spec.rollout import Canary, Limits
from tests.support.models import FLOWERS, FLOWERS_CSV
from tests.support.world import STAGE, World

CANARY = Canary(steps=(10,), bake_minutes=5, limits=Limits(requests=20))


@pytest.fixture
def models_catalog(models_catalog: Catalog) -> Catalog:
    return replace(
        models_catalog, specs={**models_catalog.specs, "flowers": replace(FLOWERS, rollout=CANARY)}
    )


@pytest.fixture
def served(world: World) -> World:
    """Version 1 serves, the clock agrees with CloudWatch's, and data has come that makes version 2."""
    world.send(FLOWERS_CSV, "incoming/flowers/0.csv")
    world.run()
    world.clock.now = datetime.now(UTC)
    world.send(FLOWERS_CSV, "incoming/flowers/1.csv")
    return world


def goes_off(name: str) -> None:
    cloudwatch = boto3.client("cloudwatch")
    metric: Any = {"Namespace": "Shop", "MetricName": "Orders", "Statistic": "Sum", "Period": 60}
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        **metric,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="nobody buys")


def test_an_alarm_that_goes_off_while_a_candidate_is_tried_withdraws_it(served: World) -> None:
    name = f"{resources.guard(STAGE, 'flowers')}orders"

    def asked(_step: object) -> None:
        served.clock.now = min(served.clock.now, datetime.now(UTC))
        goes_off(name)

    served.asked = asked
    run = served.run()
    assert (run.state, run.reason) == (RunState.ROLLED_BACK, f"canary 10 %: alarm {name}: nobody buys")
    assert served.ledger.route("flowers").champion == 1


@pytest.mark.parametrize(
    "name",
    [f"{resources.guard(STAGE, 'prices')}orders", f"relearn-{STAGE}-disk"],
    ids=["another model's", "no guard"],
)
def test_an_alarm_that_is_not_for_this_model_stops_nothing(served: World, name: str) -> None:
    served.asked = lambda _step: goes_off(name)
    assert served.run().state is RunState.PROMOTED


def test_an_alarm_that_rang_before_is_not_put_down_to_the_candidate(served: World) -> None:
    goes_off(f"{resources.guard(STAGE, 'flowers')}orders")
    served.clock.now = datetime.now(UTC)
    assert served.run().state is RunState.PROMOTED
