"""A candidate is slow when that is surely no chance, whatever the times are distributed like."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from relearn.spec.rollout import Limits
from relearn.traffic import latency, rollout_evidence, version_stats
from relearn.traffic.latency import CUTS, LatencyEvidence
from relearn.traffic.rollout_evidence import RolloutEvidence
from relearn.traffic.version_stats import BOUNDS_MS, Live

RATIO = 1.5
NEW = LatencyEvidence.of(2).in_step("1")


def times(milliseconds: Iterable[float]) -> Counter[int]:
    return Counter(map(version_stats.bucket, milliseconds))


def drawn(
    generator: np.random.Generator, count: int, slower: float = 1.0, sigma: float = 1.0
) -> Counter[int]:
    return times(slower * generator.lognormal(np.log(60), sigma, count))


@pytest.mark.parametrize("sigma", [0.3, 1.0])
@pytest.mark.parametrize("slower", [1.0, 1.45])
def test_a_candidate_within_the_limit_is_called_slow_at_most_as_often_as_stated(
    sigma: float, slower: float
) -> None:
    generator = np.random.default_rng(3)
    alarms = 0
    for _ in range(100):
        seen, mine, theirs, slow = NEW, Counter[int](), Counter[int](), False
        for _ in range(5):
            mine, theirs = (
                mine + drawn(generator, 12, slower, sigma),
                theirs + drawn(generator, 108, 1.0, sigma),
            )
            seen = seen.look(mine, theirs, RATIO)
            slow = slow or seen.exceeds(0.1)
        alarms += slow
    assert alarms <= 10


def test_one_that_takes_three_times_as_long_is_found_in_fifty_requests() -> None:
    generator = np.random.default_rng(3)
    found = [
        NEW.look(drawn(generator, 50, 3.0, 0.5), drawn(generator, 450, 1.0, 0.5), RATIO).exceeds(0.002)
        for _ in range(50)
    ]
    assert sum(found) >= 48


def test_what_is_within_the_slack_is_no_evidence_whatever_its_ratio() -> None:
    seen = NEW.look(times([19.0] * 500), times([1.0] * 500), RATIO)
    assert seen.log < 1e-9


def test_the_times_that_are_compared_lie_between_the_slack_and_the_longest() -> None:
    assert BOUNDS_MS[CUTS[0]] > latency.SLACK_MS
    assert BOUNDS_MS[CUTS[-1]] > 30_000


def test_a_repeated_look_changes_nothing_and_the_evidence_survives_its_json_in_bounded_size() -> None:
    generator = np.random.default_rng(3)
    mine, theirs = drawn(generator, 50), drawn(generator, 450)
    live = (Live(requests=50, latency=mine, waits=mine), Live(requests=450, latency=theirs, waits=theirs))
    seen = RolloutEvidence.of(100).in_step("1").look(*live, Limits())
    assert seen.look(*live, Limits()) == seen.in_step("1") == seen
    written = json.dumps(seen.as_dict())
    assert RolloutEvidence.from_dict(json.loads(written)) == seen
    assert len(written) < 32 * 1024  # Step Functions hands on 256 KiB


def test_the_tests_share_the_false_alarm_rate() -> None:
    shares: list[Any] = [
        getattr(rollout_evidence, name) for name in dir(rollout_evidence) if name.endswith("_SHARE")
    ]
    assert sum(shares) <= 1
