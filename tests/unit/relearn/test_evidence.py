"""The sequential test of errors: exact, valid after every look, of bounded size, and the same however often it is asked."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.traffic import evidence
from relearn.traffic.evidence import ODDS, Counts, Evidence

BLOCKS = st.builds(
    lambda mine, theirs, share, other: Counts(mine, round(mine * share), theirs, round(theirs * other)),
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0, 1),
    st.floats(0, 1),
)
NEW = Evidence(steps=2).in_step("1")


@pytest.mark.parametrize(("mine", "theirs"), [(1, 1), (3, 5), (6, 54), (20, 7)])
def test_the_mean_of_every_ratio_is_one_where_failures_are_spread_by_chance(mine: int, theirs: int) -> None:
    for errors in range(mine + theirs + 1):
        failed = range(max(0, errors - theirs), min(errors, mine) + 1)
        ratios = [evidence.log_ratios(Counts(mine, one, theirs, errors - one)) for one in failed]
        ways = [math.comb(mine, one) * math.comb(theirs, errors - one) for one in failed]
        for of_one_odds in zip(*ratios, strict=True):
            mean = sum(way * math.exp(log) for way, log in zip(ways, of_one_odds, strict=True)) / sum(ways)
            assert mean == pytest.approx(1.0, rel=1e-9)


@given(BLOCKS)
def test_a_ratio_is_fishers_noncentral_over_the_central_hypergeometric(block: Counts) -> None:
    errors = block.errors + block.champion_errors
    ways = {
        one: math.comb(block.requests, one) * math.comb(block.champion_requests, errors - one)
        for one in range(max(0, errors - block.champion_requests), min(errors, block.requests) + 1)
    }
    for odds, log in zip(ODDS, evidence.log_ratios(block), strict=True):
        noncentral = odds**block.errors / sum(way * odds**one for one, way in ways.items())
        assert log == pytest.approx(math.log(noncentral * sum(ways.values())), abs=1e-8)


def test_large_blocks_are_weighed_in_bounded_time() -> None:
    found = evidence.log_ratios(Counts(10**7, 10**6, 9 * 10**7, 9 * 10**6))
    assert all(math.isfinite(one) and one < 0 for one in found)


@pytest.mark.parametrize("base", [0.002, 0.05, 0.5])
def test_an_equally_good_candidate_is_accused_at_most_as_often_as_stated_over_all_looks(base: float) -> None:
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        seen, told = Evidence(steps=1).in_step("1"), np.zeros(4, dtype=int)
        accused = False
        for _ in range(20):
            mine, theirs = generator.integers(0, 9), generator.integers(0, 30)
            told += (mine, generator.binomial(mine, base), theirs, generator.binomial(theirs, base))
            seen = seen.look(Counts(*told.tolist()))
            accused = accused or seen.exceeds(0.1)
        alarms += accused
    assert alarms <= 0.1 * 400


def test_failures_that_come_to_both_at_once_accuse_nobody() -> None:
    seen = NEW.look(Counts(10, 9, 90, 81))
    assert seen.look(Counts(20, 9, 180, 81)).log < 0


def test_a_candidate_that_only_fails_is_found_at_its_second_or_third_request() -> None:
    assert NEW.look(Counts(2, 2, 100, 0)).exceeds(0.005)
    assert not NEW.look(Counts(2, 2, 30, 0)).exceeds(0.005)
    assert NEW.look(Counts(3, 3, 30, 0)).exceeds(0.005)


@given(st.lists(BLOCKS, min_size=1, max_size=6))
def test_a_look_that_is_repeated_changes_nothing(blocks: list[Counts]) -> None:
    seen, told = NEW, Counts()
    for block in blocks:
        told = Counts(
            told.requests + block.requests,
            told.errors + block.errors,
            told.champion_requests + block.champion_requests,
            told.champion_errors + block.champion_errors,
        )
        seen = seen.look(told)
        assert seen.look(told) == seen
        assert seen.in_step("1") == seen


@pytest.mark.parametrize("now", [Counts(5, 5, 0, 0), Counts(0, 0, 7, 1), Counts(2, 3, 9, 0), Counts()])
def test_a_look_at_one_version_alone_or_at_what_cannot_be_waits_for_the_next(now: Counts) -> None:
    assert NEW.look(now) == NEW


def test_what_one_version_answered_alone_counts_once_the_other_was_asked() -> None:
    assert NEW.look(Counts(3, 3, 0, 0)).look(Counts(3, 3, 60, 0)) == NEW.look(Counts(3, 3, 60, 0))


def test_evidence_grows_over_steps_and_harm_may_begin_with_any_of_them() -> None:
    some = Counts(50, 4, 450, 9)
    first = NEW.look(some)
    assert first.in_step("2").look(some).log > first.log > 0
    healthy = NEW.look(Counts(500, 0, 4500, 90))
    assert healthy.log < 0
    assert healthy.in_step("2").look(Counts(50, 25, 50, 1)).exceeds(0.005)


def test_the_mean_of_the_evidence_stays_one_over_steps_that_have_not_begun() -> None:
    """Half of the evidence of two steps is that of the second, which is 1 until it begins."""
    only = Evidence(steps=1).in_step("1").look(Counts(3, 3, 30, 0))
    assert math.exp(NEW.look(Counts(3, 3, 30, 0)).log) == pytest.approx((math.exp(only.log) + 1) / 2)
    assert Evidence(steps=2).log == 0
    assert Evidence(steps=3).in_step("1").log == pytest.approx(0, abs=1e-12)


def test_probes_add_to_the_evidence_beside_the_step() -> None:
    probed = NEW.beside(Counts(1, 1, 1, 0))
    assert (probed.seen, probed.log > NEW.log) == (Counts(), True)
    assert NEW.beside(Counts(1, 1, 0, 0)) == NEW


@given(st.lists(BLOCKS, max_size=4), st.integers(1, 5))
def test_evidence_survives_its_json_in_the_same_size(blocks: list[Counts], steps: int) -> None:
    seen = Evidence(steps=steps)
    for number, block in itertools.islice(enumerate(blocks), steps):
        seen = seen.in_step(str(number)).look(block)
        assert len(seen.logs) == len(ODDS)
    assert Evidence.from_dict(json.loads(json.dumps(seen.as_dict()))) == seen
