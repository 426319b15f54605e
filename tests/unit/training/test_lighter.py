"""Fits of a small part of much data: which rows, and how many rounds of boosting."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.fitting import lighter
from training.fitting.fit import Code


def boosting(**given: float) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(**given)


def test_boosting_gets_a_fifth_of_the_rounds_at_a_higher_rate_wherever_it_is_in_the_estimator() -> None:
    for found in (
        lighter.lighten(boosting(max_iter=100, learning_rate=0.1)),
        lighter.lighten(make_pipeline(StandardScaler(), boosting(max_iter=100, learning_rate=0.1)))[-1],
    ):
        assert found.max_iter == 20
        assert found.learning_rate == pytest.approx(1 - 0.9**5)


@pytest.mark.parametrize(
    ("rounds", "rate", "left", "faster"), [(10, 0.1, 10, 0.1), (300, 0.2, 60, 0.5), (100, 0.8, 20, 0.8)]
)
def test_rounds_and_rates_have_bounds(rounds: int, rate: float, left: int, faster: float) -> None:
    found = lighter.lighten(boosting(max_iter=rounds, learning_rate=rate))
    assert (found.max_iter, found.learning_rate) == (left, faster)


def test_another_estimator_stays_as_it_is() -> None:
    for estimator in (RandomForestClassifier(30), make_pipeline(StandardScaler(), LogisticRegression())):
        before = str(estimator.get_params())
        assert str(lighter.lighten(estimator).get_params()) == before


def test_code_of_a_model_builds_with_its_hyperparameters() -> None:
    built = lighter.of(Code(boosting, None)).build(max_iter=50, learning_rate=0.1)
    assert built.max_iter == 10


def test_a_sample_is_the_same_for_the_same_number_of_rows_and_all_of_few() -> None:
    assert lighter.sample(2_000).all()
    sample = lighter.sample(100_000)
    assert 1_900 < sample.sum() < 2_300
    assert np.array_equal(sample, lighter.sample(100_000))
    assert 19_000 < lighter.sample(1_000_000).sum() < 22_000
