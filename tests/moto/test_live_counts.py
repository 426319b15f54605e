"""What versions do while a candidate is tried: many functions add to it, nothing is lost, every step begins anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import reduce
from typing import Any, cast

import pytest

from lambdas.aws.dynamo.version_stats import KEPT, LiveCounts
from lambdas.aws.fast import client
from relearn.naming import ledger_keys
from relearn.traffic import version_stats
from relearn.traffic.timing import Timing
from relearn.traffic.version_stats import Live
from tests.support.wire import LocalAWS
from tests.support.world import TABLE, World

LABELS = ("rose", "tulip", "rose")


@pytest.fixture(params=["boto3", "direct"])
def counts(request: pytest.FixtureRequest, world: World, local_aws: LocalAWS) -> LiveCounts:
    """Both clients that functions have: boto3's, and the hot path's, over HTTP."""
    del local_aws
    plain: dict[str, Callable[[], Any]] = {
        "boto3": lambda: world.dynamodb,
        "direct": lambda: client.DynamoDB(client.service("dynamodb", os.environ)),
    }
    return LiveCounts(cast("Any", plain[request.param]()), TABLE, world.clock)


def answered(*labels: str, milliseconds: float = 12.0) -> Live:
    return version_stats.counted([{"label": label} for label in labels], milliseconds)


def test_what_was_not_counted_is_nothing(counts: LiveCounts) -> None:
    assert counts.total("flowers", 3, 2) == Live()


def test_what_is_counted_adds_up(counts: LiveCounts) -> None:
    seen = [answered(*LABELS), answered("tulip", milliseconds=900), Live(requests=1, errors=1)]
    seen += [
        version_stats.counted([{"label": "rose"}], 40.0, Timing(3.0)),
        version_stats.counted([{"label": "rose"}], 2500.0, Timing(900.0, started=True)),
    ]
    for one in seen:
        counts.count("flowers", 3, 2, one)
    assert counts.total("flowers", 3, 2) == reduce(version_stats.add, seen)


def test_values_and_agreement_add_up(counts: LiveCounts) -> None:
    values = version_stats.counted([{"value": 150.25}, {"value": -0.125}], 12.0)
    alike = version_stats.agreement([{"value": 150.25}], [{"value": 150.5}])
    counts.count("prices", 3, 2, values)
    counts.count("prices", 3, 2, alike)
    assert counts.total("prices", 3, 2) == version_stats.add(values, alike)


def test_every_revision_version_and_model_is_counted_apart(counts: LiveCounts) -> None:
    counts.count("flowers", 3, 2, answered("rose"))
    for others in (("flowers", 4, 2), ("flowers", 3, 1), ("prices", 3, 2)):
        assert counts.total(*others) == Live()


def test_a_count_is_one_write_that_only_adds_so_of_many_at_once_none_is_lost(
    counts: LiveCounts, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.dynamodb, "get_item", None)  # what was read could be old when it is written
    monkeypatch.setattr(world.dynamodb, "put_item", None)
    for _ in range(3):
        counts.count("flowers", 3, 2, answered(*LABELS))
    monkeypatch.undo()
    assert counts.total("flowers", 3, 2).requests == 3


@pytest.mark.parametrize("value", [1e300, -1e300, 1e-300, 1e38 / 3, 123456.789e-9])
def test_no_value_of_a_model_makes_counting_fail(counts: LiveCounts, value: float) -> None:
    for one in (value, 0.1, -1e22):
        counts.count("prices", 3, 2, version_stats.counted([{"value": one}], 12.0))
    assert counts.total("prices", 3, 2).requests == 3


def test_what_was_counted_goes_away_by_itself(counts: LiveCounts, world: World) -> None:
    counts.count("flowers", 3, 2, answered("rose"))
    key = {"pk": {"S": "LIVE#flowers"}, "sk": {"S": "000000003#2"}}
    item = world.dynamodb.get_item(TableName=TABLE, Key=key)["Item"]
    assert item[ledger_keys.EXPIRES_AT] == {"N": str(int((world.clock() + KEPT).timestamp()))}
