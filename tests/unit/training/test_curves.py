"""Calibration of a classification's probabilities, and precision against recall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from relearn.spec.model import Category, Metric
from scoring.encode import Array
from scoring.scorer import Scores
from tests.support.training_kit import NUMBERS, REGRESSION
from training.data.dataset import Table
from training.fitting import curves
from training.fitting.tasks import Answers

CLASSES = ("no", "yes")
THREE = replace(
    NUMBERS, target=Category("kind", values=("a", "b", "c")), metric=Metric("accuracy", minimum=0)
)


def answers(chance: Array, truth: Array, threshold: float = 0.5) -> Answers:
    given = np.where(chance >= threshold, "yes", "no").astype(object)
    labels = np.where(truth, "yes", "no").astype(object)
    return Answers(Table({}, labels), Scores(given, np.stack([1 - chance, chance], axis=1)), CLASSES)


def test_a_tenth_of_ten_rows_has_its_mean_probability_and_its_share() -> None:
    chance = np.array([*[0.12] * 10, *[0.88] * 20, *[0.5] * 9])
    truth = np.array([True, *[False] * 9, *[True] * 16, *[False] * 4, *[True] * 9])
    found = curves.calibration(NUMBERS, answers(chance, truth))
    assert found is not None
    assert [(one["low"], one["rows"], round(one["mean"], 6), one["share"]) for one in found["bins"]] == [
        (0.1, 10, 0.12, 0.1),
        (0.8, 20, 0.88, 0.8),
    ]
    assert (found["of"], found["rows"]) == ("yes", 39)
    assert found["expected_error"] == pytest.approx((10 * 0.02 + 20 * 0.08 + 9 * 0.5) / 39)


def test_of_more_classes_the_calibration_is_that_of_the_most_probable_one() -> None:
    chances = np.tile(np.array([0.2, 0.75, 0.05]), (20, 1))
    truth = np.array([*["b"] * 15, *["a"] * 5], object)
    scores = Scores(np.array(["b"] * 20, object), chances)
    found = curves.calibration(THREE, Answers(Table({}, truth), scores, ("a", "b", "c")))
    assert found is not None
    assert found["of"] is None
    assert found["expected_error"] == pytest.approx(0)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60))
def test_a_probability_of_0_or_1_is_in_a_tenth_too(chances: list[float]) -> None:
    found = curves.calibration(NUMBERS, answers(np.array(chances), np.ones(len(chances), bool)))
    assert found is not None
    assert 0 <= found["expected_error"] <= 1
    assert sum(one["rows"] for one in found["bins"]) <= len(chances)


def test_precision_and_recall_are_marked_where_labels_are_answered() -> None:
    generator = np.random.default_rng(1)
    truth = generator.random(400) < 0.2
    chance = np.clip(0.3 * truth + 0.7 * generator.random(400), 0, 1)
    (found,) = curves.precision_recall(NUMBERS, answers(chance, truth, threshold=0.6))
    assert found["label"] == "yes"
    assert found["served"] == {
        "precision": pytest.approx(metrics.precision_score(truth, chance >= 0.6)),
        "recall": pytest.approx(metrics.recall_score(truth, chance >= 0.6)),
    }
    assert len(found["recall"]) == len(found["precision"]) <= curves.POINTS
    assert found["recall"] == sorted(found["recall"])
    assert found["recall"][-1] == 1


def test_a_label_that_is_never_answered_has_no_precision() -> None:
    (found,) = curves.precision_recall(
        NUMBERS, answers(np.array([0.1, 0.4]), np.array([False, True]), threshold=0.9)
    )
    assert found["served"] == {"recall": 0, "precision": None}


def test_a_class_that_is_absent_or_alone_has_no_curve() -> None:
    assert curves.precision_recall(NUMBERS, answers(np.array([0.1, 0.4]), np.array([True, True]))) == []


def test_other_kinds_and_probabilities_that_are_not_finite_have_no_curves() -> None:
    broken = answers(np.array([np.nan, 0.4]), np.array([True, False]))
    values = Answers(Table({}, np.zeros(2)), Scores(np.zeros(2, np.float32), None), ())
    for spec, given_answers in ((NUMBERS, broken), (REGRESSION, values)):
        assert curves.calibration(spec, given_answers) is None
        assert curves.precision_recall(spec, given_answers) == []
