"""Answers that differ by chance are no breach; answers that differ are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.spec.rollout import Limits
from relearn.traffic.answer_shift import chance, shifted
from relearn.traffic.version_stats import Live

LIMITS = Limits()
FEW, MANY = 50, 450
ROUNDS = 500


def drawn(generator: Random, rows: int, labels: int) -> Mapping[str, int]:
    return Counter(f"label {generator.randrange(labels)}" for _ in range(rows))


@pytest.mark.parametrize("labels", [2, 3, 5, 10, 20, 50])
def test_a_healthy_candidate_is_hardly_ever_taken_for_another(labels: int) -> None:
    generator = Random(labels)
    breaches = sum(
        shifted(
            Live(answers=drawn(generator, FEW, labels)),
            Live(answers=drawn(generator, MANY, labels)),
            LIMITS,
            {},
        )
        is not None
        for _ in range(ROUNDS)
    )
    assert breaches <= ROUNDS // 200


@pytest.mark.parametrize("labels", [2, 3, 5, 10, 20])
def test_one_whose_answers_collapse_is_always_found(labels: int) -> None:
    generator = Random(labels)
    collapsed = Live(answers={"label 0": FEW})
    for _ in range(ROUNDS):
        assert shifted(collapsed, Live(answers=drawn(generator, MANY, labels)), LIMITS, {}) is not None


@pytest.mark.parametrize("labels", [3, 20])
def test_what_chance_does_is_what_is_expected_of_it(labels: int) -> None:
    generator = Random(labels)
    pairs = [(drawn(generator, FEW, labels), drawn(generator, MANY, labels)) for _ in range(ROUNDS)]
    found = [
        sum(abs(mine.get(a, 0) / FEW - theirs.get(a, 0) / MANY) for a in {*mine, *theirs}) / 2
        for mine, theirs in pairs
    ]
    assert fmean(found) == pytest.approx(fmean(chance(*pair) for pair in pairs), rel=0.1)


def values(rows: int, mean: float) -> Live:
    return Live(rows=rows, total=rows * mean, squares=rows * mean * mean)


def test_means_that_differ_by_chance_are_no_breach_and_others_are() -> None:
    generator, baseline = Random(1), {"mean": 0.0, "std": 1.0, "rows": 1000}
    breaches = 0
    for _ in range(ROUNDS):
        mine, theirs = (generator.gauss(0, rows**-0.5) for rows in (FEW, MANY))
        breaches += shifted(values(FEW, mine), values(MANY, theirs), LIMITS, baseline) is not None
        assert shifted(values(FEW, mine + 1.5), values(MANY, theirs), LIMITS, baseline) is not None
    assert breaches <= ROUNDS // 200


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 1000), min_size=1))
def test_the_same_answers_are_never_a_breach(counts: dict[str, int]) -> None:
    assert shifted(Live(answers=counts), Live(answers=counts), Limits(shift=0.0), {}) is None
