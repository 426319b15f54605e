"""Differences of two models on the same rows, with their intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from relearn.lifecycle.comparison import Comparison
from relearn.spec.model import Category, Metric, ModelSpec, Number
from relearn.spec.policies import CLASSIFICATION_METRICS, LABEL_METRICS
from scoring.encode import Array
from scoring.scorer import Scores
from training.data.dataset import Table
from training.fitting import tabular
from training.fitting.comparison import (
    interval,
    of_entities,
    of_labels,
    of_losses,
    of_precisions,
    of_probabilities,
    of_values,
    planned,
)
from training.fitting.evaluate import evaluate
from training.fitting.tasks import Answers

CLASSES = ("b", "a", "c")
SEEDS = st.integers(0, 2**32 - 1)


def classifier(metric: str) -> ModelSpec:
    return ModelSpec(
        name="kinds",
        title="Kinds",
        columns=(Number("x"),),
        target=Category("kind", values=CLASSES),
        metric=Metric(metric, maximum=9.0) if metric == "log_loss" else Metric(metric, minimum=0.0),
    )


def answers(seed: int, rows: int = 60, wrong: float = 0.3) -> Answers:
    """Answers of which a share is drawn by chance; the truth is the same for every seed."""
    truth = np.resize(np.array(CLASSES), rows)
    generator = np.random.default_rng(seed)
    scores = generator.random((rows, len(CLASSES)))
    scores[np.arange(rows), np.arange(rows) % len(CLASSES)] += np.where(generator.random(rows) < wrong, 0, 1)
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    predictions = np.array(CLASSES)[probabilities.argmax(axis=1)]
    return Answers(Table({}, truth), Scores(predictions, probabilities), CLASSES)


def difference(metric: str, mine: Answers, theirs: Answers) -> Comparison:
    found = tabular.compare(classifier(metric), mine, theirs)
    assert found is not None
    return found


@pytest.mark.parametrize("metric", CLASSIFICATION_METRICS)
@settings(max_examples=25, deadline=None)
@given(one=SEEDS, two=SEEDS)
def test_the_difference_is_that_of_the_metrics_in_the_report(metric: str, one: int, two: int) -> None:
    mine, theirs = answers(one), answers(two)
    values = [
        evaluate(classifier(metric), given.evaluation_set.target, given.scores, given.classes)["metrics"][
            metric
        ]
        for given in (mine, theirs)
    ]
    found, sign = difference(metric, mine, theirs), -1 if metric == "log_loss" else 1
    assert found.difference == pytest.approx(sign * (values[0] - values[1]), abs=1e-6)
    assert (found.low < found.difference < found.high) is (metric != "log_loss" or one != two)


@pytest.mark.parametrize("metric", ["mae", "rmse", "r2"])
def test_a_smaller_error_is_a_difference_above_0(metric: str) -> None:
    generator = np.random.default_rng(1)
    truth = generator.normal(size=200)
    near, far = (of_values(metric, truth, truth + generator.normal(0, width, 200)) for width in (0.5, 1.0))
    assert interval(near, far, 0.95).low > 0
    assert interval(far, near, 0.95).high < 0


@pytest.mark.parametrize("metric", CLASSIFICATION_METRICS)
@settings(max_examples=25, deadline=None)
@given(one=SEEDS, two=SEEDS)
def test_to_change_sides_mirrors_the_interval(metric: str, one: int, two: int) -> None:
    found, back = (
        difference(metric, *pair) for pair in ((answers(one), answers(two)), (answers(two), answers(one)))
    )
    assert found.difference == pytest.approx(-back.difference, abs=1e-12)
    if metric == "accuracy":
        assert found.low == pytest.approx(-back.high)


@pytest.mark.parametrize("metric", LABEL_METRICS)
def test_the_influence_of_a_row_is_what_the_metric_loses_without_it(metric: str) -> None:
    generator = np.random.default_rng(2)
    truth, given = generator.integers(0, 3, 4_000), generator.integers(0, 3, 4_000)
    whole = of_labels(metric, truth, given, 3)
    for row in range(5):
        without = of_labels(metric, np.delete(truth, row), np.delete(given, row), 3).value
        assert (whole.value - without) * 4_000 == pytest.approx(whole.influence[row], abs=5e-3)
    assert whole.influence.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_influence_of_a_row_on_an_average_precision_is_what_it_loses_without_it(classes: int) -> None:
    generator = np.random.default_rng(2)
    truth = generator.integers(0, classes, 2_000)
    chances = np.round(generator.random((2_000, classes)) + 0.5 * np.eye(classes)[truth], 2)  # with ties
    positives = range(1, classes)
    whole = of_precisions(truth, chances, positives)
    for row in range(8):
        without = of_precisions(np.delete(truth, row), np.delete(chances, row, axis=0), positives).value
        assert (whole.value - without) * 2_000 == pytest.approx(whole.influence[row], abs=5e-3)
    assert whole.influence.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("given", [[0, 0, 0, 0], [1, 1, 1, 1]])
def test_a_correlation_of_one_answer_is_0_and_has_an_interval(given: list[int]) -> None:
    truth = np.array([0, 1, 1, 0])
    one, other = of_labels("mcc", truth, np.array(given), 2), of_labels("mcc", truth, truth, 2)
    assert one.value == 0
    assert interval(other, one, 0.95).difference == pytest.approx(1)


def test_a_class_that_is_absent_counts_in_a_mean_but_not_in_the_balanced_accuracy() -> None:
    truth, given = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    assert of_labels("recall_macro", truth, given, 3).value == pytest.approx(1.5 / 3)
    assert of_labels("balanced_accuracy", truth, given, 3).value == pytest.approx(1.5 / 2)


def test_a_probability_of_0_for_the_true_class_has_a_finite_loss() -> None:
    found = of_losses(np.array([0, 0]), np.array([[0.0, 1.0], [1.0, 0.0]], np.float32))
    assert found.value == pytest.approx(np.log(2.0**-23) / 2)


def test_the_variance_of_an_area_is_that_of_delong() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 1])
    scores = np.array([0.1, 0.4, 0.35, 0.8, 0.3, 0.9, 0.7])
    found = of_probabilities(truth, np.stack([1 - scores, scores], axis=1))
    order = scores[truth == 1][:, None] > scores[truth == 0]
    by_positive, by_negative = order.mean(axis=1), order.mean(axis=0)
    expected = np.var(by_positive) / 3 + np.var(by_negative) / 4
    assert found.value == pytest.approx(order.mean())
    assert np.sum(found.influence**2) / 7**2 == pytest.approx(expected)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_the_interval_of_a_mean_is_the_paired_t_interval(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=50)
    first, second = (truth + generator.normal(size=50) for _ in range(2))
    found = interval(of_values("mae", truth, first), of_values("mae", truth, second), 0.9)
    moved = np.abs(truth - second) - np.abs(truth - first)
    expected = stats.ttest_1samp(moved, 0).confidence_interval(0.8)
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_equal_answers_show_no_difference_and_still_leave_room_for_one() -> None:
    one = answers(1)
    found = difference("accuracy", one, one)
    assert found.difference == 0
    assert found.low < -0.01
    assert found.high > 0.01


def test_more_rows_show_smaller_differences() -> None:
    few, many = (
        difference("f1_macro", answers(1, rows=rows), answers(2, rows=rows)).smallest for rows in (60, 6_000)
    )
    assert many < few / 5


@pytest.mark.parametrize("agree", [0.5, 0.75])
def test_a_planned_difference_is_that_of_two_models_whose_answers_have_half_in_common(agree: float) -> None:
    generator = np.random.default_rng(3)
    common, mine, theirs = generator.normal(size=(3, 4_000))
    first, second = (np.sqrt(agree) * common + np.sqrt(1 - agree) * own for own in (mine, theirs))
    shown = interval(of_entities(first), of_entities(second), 0.95).smallest
    ahead = planned(of_entities(first), 0.95)
    assert (ahead.rows, ahead.confidence, ahead.planned) == (4_000, 0.95, True)
    assert ahead.smallest * np.sqrt(2 * (1 - agree)) == pytest.approx(shown, rel=0.06)


def by_entity(answers: Answers, entity: Array) -> Answers:
    table = replace(answers.evaluation_set, entity=entity)
    return Answers(table, answers.scores, answers.classes)


@pytest.mark.parametrize("metric", CLASSIFICATION_METRICS)
def test_rows_of_an_entity_that_repeat_each_other_say_no_more_than_one(metric: str) -> None:
    times = np.repeat(np.arange(60), 5)
    one, two = (by_entity(tabular.part(answers(seed), times), times) for seed in (1, 2))
    alone = difference(metric, answers(1), answers(2))
    together = difference(metric, one, two)
    assert together.difference == pytest.approx(alone.difference, abs=0.05)
    assert together.error == pytest.approx(alone.error, rel=0.15)
    assert together.rows == 5 * alone.rows


def test_rows_of_entities_with_one_row_each_are_independent() -> None:
    order = np.random.default_rng(4).permutation(60)
    one, two = (by_entity(answers(seed), order) for seed in (1, 2))
    grouped, alone = difference("f1_macro", one, two), difference("f1_macro", answers(1), answers(2))
    assert grouped.as_dict() == pytest.approx(alone.as_dict())


def test_rows_of_one_entity_have_no_interval() -> None:
    one, two = (by_entity(answers(seed), np.zeros(60, dtype=np.int64)) for seed in (1, 2))
    assert tabular.compare(classifier("accuracy"), one, two) is None
    assert tabular.plan(classifier("accuracy"), one) is None


def test_a_difference_of_r2_does_not_depend_on_the_spread_that_both_errors_share() -> None:
    generator = np.random.default_rng(1)
    truth, errors = generator.normal(0, 2, 200), generator.normal(size=200)
    first, second = (of_values("r2", truth, truth + scale * errors) for scale in (1.0, 1.05))
    assert (
        interval(first, second, 0.95).error
        < 0.2 * interval(first, of_values("r2", truth, truth + generator.normal(size=200)), 0.95).error
    )


def test_a_surer_interval_is_wider() -> None:
    one, two = of_entities(np.array([0.1, 0.5, 0.0, 0.3])), of_entities(np.array([0.2, 0.1, 0.0, 0.3]))
    assert interval(one, two, 0.99).low < interval(one, two, 0.9).low


def test_a_rare_class_counts_as_much_as_a_common_one_in_a_mean_over_classes() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    wrong = truth.copy()
    wrong[-1] = 0
    even, skew = (
        interval(of_labels(metric, truth, truth, 2), of_labels(metric, truth, wrong, 2), 0.95)
        for metric in ("accuracy", "recall_macro")
    )
    assert skew.difference == pytest.approx(5 * even.difference)
    assert skew.smallest > 2 * even.smallest


@pytest.mark.parametrize(
    ("metric", "given"),
    [
        ("roc_auc", Answers(Table({}, np.array(["a", "a"])), Scores(np.array(["a", "a"]), np.eye(2, 3)), CLASSES)),
        ("roc_auc", Answers(Table({}, np.array(CLASSES)), Scores(np.array(CLASSES), None), CLASSES)),
        ("average_precision", Answers(Table({}, np.array(["a", "a"])), Scores(np.array(["a", "a"]), np.eye(2, 3)), CLASSES)),
        ("log_loss", Answers(Table({}, np.array(CLASSES)), Scores(np.array(CLASSES), np.full((3, 3), np.nan)), CLASSES)),
        ("mcc", Answers(Table({}, np.array(["a", "a"])), Scores(np.array(["a", "b"]), None), CLASSES)),
        ("accuracy", Answers(Table({}, np.array(["a"])), Scores(np.array(["a"]), None), CLASSES)),
    ],
)  # fmt: skip
def test_an_undefined_metric_has_no_interval(metric: str, given: Answers) -> None:
    assert tabular.compare(classifier(metric), given, given) is None
    assert tabular.plan(classifier(metric), given) is None


def test_new_rows_with_swapped_labels_contradict_the_known_ones() -> None:
    right = answers(1, rows=300, wrong=0.1)
    new = np.arange(300) >= 150
    truth = right.evaluation_set.target.copy()
    truth[new] = np.roll(truth[new], 1)
    theirs = Answers(Table({}, truth), right.scores, CLASSES)
    learnt = np.where(new, truth, right.evaluation_set.target)
    wrong = Scores(np.where(new, learnt, np.roll(learnt, 1)), right.scores.probabilities)
    found = tabular.compare_parts(
        classifier("f1_macro"), Answers(Table({}, truth), wrong, CLASSES), theirs, new
    )
    assert {name: one.rows for name, one in found.items()} == {"known": 150, "new": 150, "fall": 150}
    assert found["known"].high < 0 < found["new"].low
    assert found["fall"].high < 0


def test_parts_of_equal_rows_show_no_fall() -> None:
    one, two = answers(1, rows=300), answers(2, rows=300)
    found = tabular.compare_parts(classifier("accuracy"), one, two, np.arange(300) % 2 == 0)
    assert found["fall"].low < 0 < found["fall"].high


def test_a_part_of_one_row_has_no_interval() -> None:
    one, two = answers(1), answers(2)
    found = tabular.compare_parts(classifier("accuracy"), one, two, np.arange(60) == 0)
    assert found.keys() == {"known"}


@pytest.mark.parametrize("metric", ["rmse", "r2"])
@given(st.integers(2, 60), st.floats(1e-3, 1e6))
def test_a_row_that_has_all_of_the_error_has_an_influence(metric: str, rows: int, wrong: float) -> None:
    truth = np.arange(rows, dtype=np.float64)
    given = truth.copy()
    given[0] += wrong
    assert np.isfinite(of_values(metric, truth, given).influence).all()
