"""A graph is served only when it recommends what the library would."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.cpu.lmf import LogisticMatrixFactorization

from relearn.errors import ArtifactError
from scoring.encode import Array
from tests.support.examples import examples
from tests.support.ranking_kit import K, interactions, of
from training.fitting.ranking import agreement
from training.fitting.ranking.agreement import Pair
from training.fitting.ranking.fit import Factors, factors_of, fit
from training.fitting.ranking.interactions import Interactions

GUESTS, FILMS = 40, 25


def met(seed: int, share: float = 0.2) -> Interactions:
    generator = np.random.default_rng(seed)
    weights = generator.integers(1, 6, (GUESTS, FILMS)) * (generator.random((GUESTS, FILMS)) < share)
    weights[np.arange(GUESTS), generator.integers(0, FILMS, GUESTS)] = 1
    return interactions(weights)


def als(**changes: Any) -> AlternatingLeastSquares:
    return AlternatingLeastSquares(**{"factors": 6, "iterations": 5, "random_state": 0, **changes})


def pair(known: Interactions, estimator: Any, factors: Factors | None = None) -> Pair:
    """The library's model, and the graph of its factors or of others."""
    scorer = of(known, factors or factors_of(estimator)).scorer
    return Pair(estimator, scorer, known, "guest", "like", K)


def fitted(known: Interactions, **changes: Any) -> AlternatingLeastSquares:
    return fit("films", lambda: als(**changes), {}, known)


@examples(15)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.97))
def test_a_graph_recommends_as_the_library_does(seed: int, share: float) -> None:
    known = met(seed, share)
    found = agreement.check(pair(known, fitted(known)), known.visitors)
    assert found.rows == GUESTS + FILMS
    assert found.max_abs_diff <= found.tolerance


@pytest.mark.parametrize(
    "estimator",
    [
        BayesianPersonalizedRanking(factors=5, iterations=20, random_state=0, num_threads=1),
        LogisticMatrixFactorization(factors=5, iterations=5, random_state=0, num_threads=1),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_other_factorisations_of_the_library_agree_too(estimator: Any) -> None:
    known = met(1)
    fit("films", lambda: estimator, {}, known)
    assert agreement.check(pair(known, estimator), known.visitors).rows == GUESTS + FILMS


def test_strangers_are_no_question_and_a_visitor_is_one_question() -> None:
    known = met(1)
    visitors = np.array(["g01", "nobody", "g01"], dtype=object)
    assert agreement.check(pair(known, fitted(known)), visitors).rows == 1 + FILMS


def altered(factors: Factors, **changes: Array) -> Factors:
    return replace(factors, **changes)


def test_a_score_that_is_off_is_refused() -> None:
    known = met(2)
    estimator = fitted(known)
    other = altered(factors_of(estimator), visitors=factors_of(estimator).visitors * np.float32(1.0001))
    with pytest.raises(
        ArtifactError, match=f"disagrees with the library on {GUESTS} of {GUESTS + FILMS} rows"
    ):
        agreement.check(pair(known, estimator, other), known.visitors)


def test_items_whose_names_are_mixed_up_are_refused() -> None:
    known = met(3)
    estimator = fitted(known)
    mixed = replace(known, items=np.array(sorted(known.items, reverse=True), dtype=object))
    scorer = of(mixed, factors_of(estimator)).scorer
    with pytest.raises(ArtifactError, match="it is not served"):
        agreement.check(Pair(estimator, scorer, known, "guest", "like", K), known.visitors)


def test_a_graph_that_recommends_what_was_met_is_refused() -> None:
    known = met(4)
    estimator = fitted(known)
    forgetful = interactions(np.eye(GUESTS, FILMS) + np.eye(GUESTS, FILMS, -FILMS))
    scorer = of(forgetful, factors_of(estimator)).scorer
    with pytest.raises(ArtifactError, match="it is not served"):
        agreement.check(Pair(estimator, scorer, known, "guest", "like", K), known.visitors)


def test_of_items_that_tie_either_is_right() -> None:
    known = met(5)
    estimator = fitted(known)
    estimator.item_factors = np.repeat(estimator.item_factors[:5], 5, axis=0)  # five of each
    estimator._item_norms = None
    found = agreement.check(pair(known, estimator), known.visitors)
    assert found.labels_identical
    assert found.max_abs_diff <= found.tolerance


@pytest.mark.parametrize("what", ["user_factors", "item_factors"])
def test_a_model_without_factors_of_everybody_is_refused(what: str) -> None:
    class Short(AlternatingLeastSquares):  # type: ignore[misc]
        def fit(self, *given: Any, **named: Any) -> None:
            super().fit(*given, **named)
            setattr(self, what, getattr(self, what)[:-1])

    with pytest.raises(ArtifactError, match="allowed: a matrix factorisation of implicit"):
        fit("films", lambda: Short(factors=4, random_state=0), {}, met(6))


def test_factors_that_are_not_finite_are_refused() -> None:
    class Broken(AlternatingLeastSquares):  # type: ignore[misc]
        def fit(self, *given: Any, **named: Any) -> None:
            super().fit(*given, **named)
            self.item_factors[0, 0] = np.nan

    with pytest.raises(ArtifactError, match="the factorisation of films found factors that are not finite"):
        fit("films", lambda: Broken(factors=4, random_state=0), {}, met(6))


def test_the_same_interactions_give_the_same_factors() -> None:
    one, other = (factors_of(fitted(met(7))) for _ in range(2))
    assert one.visitors.tobytes() == other.visitors.tobytes()
    assert one.items.tobytes() == other.items.tobytes()


def test_a_score_that_is_off_is_refused_however_large_all_scores_are() -> None:
    known = met(8)
    estimator = fitted(known)
    base = np.float32(300)  # added to every score by a factor of its own, as models with biases do
    for of_all, value in (("user_factors", base), ("item_factors", np.float32(1))):
        factors = getattr(estimator, of_all)
        constant = np.full((len(factors), 1), value, np.float32)
        setattr(estimator, of_all, np.hstack([factors, constant]))
    off = factors_of(estimator).visitors.copy()
    off[:, 0] *= np.float32(1.001)
    with pytest.raises(ArtifactError, match="disagrees with the library"):
        agreement.check(pair(known, estimator, altered(factors_of(estimator), visitors=off)), known.visitors)


def test_every_kind_of_request_is_answered_its_way_also_beside_names_that_nobody_has() -> None:
    known = met(9)
    estimator = fitted(known)
    assert agreement.cover(pair(known, estimator), 256) == 16
    nameless = replace(known, visitors=np.array(["", *known.visitors[1:]], dtype=object))
    scorer = of(nameless, factors_of(estimator)).scorer
    with pytest.raises(
        ArtifactError, match="does not answer a request with a known guest and no like by history"
    ):
        agreement.cover(replace(pair(known, estimator), scorer=scorer), 256)
