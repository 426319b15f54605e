"""The metrics of lists, against figures by hand and the properties that they must have."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.encode import Array
from training.fitting.ranking.evaluate import NOTHING, lead, measure, popular_lists

ITEMS, K = 12, 5
TRUTHS = st.lists(
    st.lists(st.integers(0, ITEMS + 3), unique=True, max_size=8).map(np.array), min_size=1, max_size=9
).filter(lambda truths: any(len(truth) for truth in truths))


def lists_for(truths: list[Array], seed: int) -> Array:
    generator = np.random.default_rng(seed)
    return np.array([generator.permutation(ITEMS)[:K] for _ in truths])


def test_metrics_are_what_they_are_by_hand() -> None:
    found = measure(np.array([[4, 7, 1], [2, 3, 5]]), [np.array([7, 9]), np.array([2])], items=10)
    first = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert list(found.recall) == [0.5, 1.0]
    assert list(found.ndcg) == pytest.approx([first, 1.0])
    assert found.metrics() == pytest.approx(
        {"ndcg_at_k": (first + 1) / 2, "recall_at_k": 0.75, "coverage_at_k": 0.6}
    )


def test_a_visitor_who_met_nothing_new_says_nothing_of_a_list() -> None:
    found = measure(np.array([[1, 2], [3, 4]]), [np.array([], int), np.array([3])], items=10)
    assert list(found.recall) == [1.0]
    assert found.coverage == 0.4  # their list counts all the same


def test_an_empty_place_is_no_hit_and_no_item() -> None:
    found = measure(np.array([[3, NOTHING, NOTHING]]), [np.array([3, 4])], items=2)
    assert list(found.recall) == [0.5]
    assert found.coverage == 0.5


@settings(deadline=None)
@given(truths=TRUTHS, seed=st.integers(0, 1000))
def test_metrics_stay_between_nothing_and_all(truths: list[Array], seed: int) -> None:
    found = measure(lists_for(truths, seed), truths, ITEMS)
    for values in (found.recall, found.ndcg, np.array([found.coverage])):
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    assert ((found.recall > 0) == (found.ndcg > 0)).all()


@settings(deadline=None)
@given(truths=TRUTHS)
def test_the_best_list_there_can_be_has_an_ndcg_of_one(truths: list[Array]) -> None:
    best = np.full((len(truths), K), NOTHING)
    for row, truth in enumerate(truths):
        best[row, : len(truth)] = truth[:K]
    found = measure(best, truths, ITEMS)
    assert found.ndcg == pytest.approx(1.0)
    sizes = np.array([len(truth) for truth in truths if len(truth)])
    assert found.recall == pytest.approx(np.minimum(sizes, K) / sizes)


@settings(deadline=None)
@given(truths=TRUTHS, seed=st.integers(0, 1000), at=st.integers(0, K - 2))
def test_a_hit_further_up_is_never_worse(truths: list[Array], seed: int, at: int) -> None:
    lists = lists_for(truths, seed)
    swapped = lists.copy()
    for row, truth in enumerate(truths):
        if lists[row, at + 1] in truth and lists[row, at] not in truth:
            swapped[row, [at, at + 1]] = lists[row, [at + 1, at]]
    before, after = (measure(each, truths, ITEMS) for each in (lists, swapped))
    assert (after.ndcg >= before.ndcg - 1e-12).all()
    assert list(after.recall) == list(before.recall)


@settings(deadline=None)
@given(
    order=st.permutations(range(ITEMS)),
    met=st.lists(st.lists(st.integers(0, ITEMS - 1), unique=True).map(np.array), min_size=1, max_size=6),
)
def test_what_is_popular_is_recommended_in_its_order_but_for_what_was_met(
    order: list[int], met: list[Array]
) -> None:
    lists = popular_lists(np.array(order), met, K)
    for row, known in zip(lists, met, strict=True):
        left = [item for item in order if item not in known][:K]
        assert list(row) == left + [NOTHING] * (K - len(left))


def test_a_lead_that_is_the_same_for_all_is_sure() -> None:
    found = lead(np.array([0.5, 0.7, 0.9]), np.array([0.4, 0.6, 0.8]), "ndcg_at_k")
    assert found.mean == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1)
    assert (found.metric, found.confidence) == ("ndcg_at_k", 0.99)


def test_the_bound_of_a_lead_is_that_of_the_normal_approximation() -> None:
    differences = np.array([0.1, 0.3, -0.1, 0.2, 0.0, 0.4])
    found = lead(differences, np.zeros(6), "ndcg_at_k")
    spread = differences.std(ddof=1) / math.sqrt(6)
    assert found.low == pytest.approx(differences.mean() - 2.3263478740408408 * spread)


def test_the_bound_holds_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    wrong = sum(
        lead(generator.normal(0.05, 0.3, size=200), np.zeros(200), "ndcg_at_k").low > 0.05
        for _ in range(2000)
    )
    assert 5 <= wrong <= 40  # 1 % is 20; of chance, three standard deviations are 13
