from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from relearn.spec.model import Category, Metric, ModelSpec
from scoring.scorer import Scorer, Scores
from tests.support.training_kit import MIXED, NUMBERS, REGRESSION, numbers_table
from training.data.baseline import baseline, describe
from training.data.dataset import Table
from training.fitting import onnx_export, tabular
from training.fitting.evaluate import evaluate, roc_auc
from training.fitting.fit import frame
from training.fitting.tasks import Candidate

TRUTH = np.array(["no", "no", "no", "yes"], dtype=object)
GIVEN = Scores(
    np.array(["no", "no", "yes", "yes"], dtype=object),
    np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]], dtype=np.float32),
)


def test_a_classifier_is_measured_in_figures_that_can_be_checked_by_hand() -> None:
    measured = evaluate(NUMBERS, TRUTH, GIVEN, ("no", "yes"))
    assert measured["confusion"] == {"labels": ["no", "yes"], "matrix": [[2, 1], [0, 1]]}
    assert measured["per_class"]["no"] == {
        "precision": 1.0, "recall": pytest.approx(2 / 3), "f1": pytest.approx(0.8), "support": 3,
    }  # fmt: skip
    assert measured["metrics"] == pytest.approx(
        {
            "accuracy": 3 / 4,
            "precision_macro": (1 + 1 / 2) / 2,
            "recall_macro": (2 / 3 + 1) / 2,
            "f1_macro": (0.8 + 2 / 3) / 2,
            "f1_weighted": (3 * 0.8 + 2 / 3) / 4,
            "balanced_accuracy": (2 / 3 + 1) / 2,
            "mcc": (2 * 1 - 1 * 0) / (2 * 2 * 3 * 1) ** 0.5,
            "roc_auc": 2 / 3,
            "average_precision": 1 / 2,
            "log_loss": -np.log([0.9, 0.6, 0.2, 0.7]).mean(),
        }
    )


def test_classes_are_listed_as_the_spec_lists_them_whatever_the_graph_does() -> None:
    spec = replace(NUMBERS, target=Category("outcome", values=("yes", "no")))
    assert evaluate(spec, TRUTH, GIVEN, ("no", "yes"))["confusion"] == {
        "labels": ["yes", "no"],
        "matrix": [[1, 0], [1, 2]],
    }


def test_the_area_under_roc_is_absent_where_it_is_undefined() -> None:
    assert GIVEN.probabilities is not None
    assert roc_auc(np.array(["no"] * 4, dtype=object), GIVEN.probabilities, ("no", "yes")) is None
    assert roc_auc(TRUTH, np.full((4, 2), np.nan), ("no", "yes")) is None
    one_class = evaluate(NUMBERS, np.array(["no"] * 4, dtype=object), GIVEN, ("no", "yes"))
    assert not {"roc_auc", "average_precision", "mcc"} & one_class["metrics"].keys()
    assert one_class["metrics"]["balanced_accuracy"] == 2 / 4


def test_of_two_classes_the_average_precision_is_that_of_the_last() -> None:
    rows = (
        replace(NUMBERS, target=Category("outcome", values=values))
        for values in (("no", "yes"), ("yes", "no"))
    )
    found = [evaluate(spec, TRUTH, GIVEN, ("no", "yes"))["metrics"]["average_precision"] for spec in rows]
    assert found == pytest.approx([1 / 2, (1 + 1 + 3 / 4) / 3])


def test_a_regression_is_measured_in_figures_that_can_be_checked_by_hand() -> None:
    scores = Scores(np.array([1.0, 2.0, 5.0], dtype=np.float32), None)
    measured = evaluate(REGRESSION, np.array([1.0, 3.0, 2.0]), scores, ())
    assert measured == {"metrics": pytest.approx({"mae": 4 / 3, "rmse": (10 / 3) ** 0.5, "r2": 1 - 10 / 2})}


def test_r2_is_absent_where_every_truth_is_the_same() -> None:
    scores = Scores(np.array([1.0, 2.0], dtype=np.float32), None)
    assert set(evaluate(REGRESSION, np.array([1.0, 1.0]), scores, ())["metrics"]) == {"mae", "rmse"}


def importance_of(spec: ModelSpec, scorer: Scorer, table: Table, classes: list[str]) -> dict[str, float]:
    return tabular.explain(spec, table, cast(Candidate, SimpleNamespace(scorer=scorer, classes=classes)))


def test_importance_is_what_the_metric_loses_and_zero_for_what_the_model_ignores() -> None:
    table = numbers_table(800)
    columns = {**table.columns, "a": np.zeros(800, np.float32)}
    table = Table(columns, np.where(columns["b"] > 0, "yes", "no").astype(object))
    estimator = HistGradientBoostingClassifier(random_state=0).fit(frame(columns), table.target)
    graph = onnx_export.export(estimator, NUMBERS)
    scorer = Scorer(graph.SerializeToString(), NUMBERS, onnx_export.layout(graph, NUMBERS))
    found = importance_of(NUMBERS, scorer, table, ["no", "yes"])
    assert found["a"] == 0
    assert found["b"] > 0.3 > abs(found["c"])
    assert found == importance_of(NUMBERS, scorer, table, ["no", "yes"])


def test_importance_is_positive_for_what_matters_also_when_the_metric_is_an_error() -> None:
    table = numbers_table(400, regression=True)
    estimator = HistGradientBoostingRegressor(random_state=0).fit(frame(table.columns), table.target)
    graph = onnx_export.export(estimator, REGRESSION)
    scorer = Scorer(graph.SerializeToString(), REGRESSION, onnx_export.layout(graph, REGRESSION))
    assert min(importance_of(REGRESSION, scorer, table, []).values()) > 0
    better = replace(REGRESSION, metric=Metric("r2", minimum=0.1))
    assert min(importance_of(better, scorer, table, []).values()) > 0


def test_every_column_is_described_by_its_type() -> None:
    columns = {
        "size": np.array([1, 3, np.nan], np.float32),
        "colour": np.array(["red", "red", ""], dtype=object),
        "note": np.array(["", "ab", "abcd"], dtype=object),
        "fresh": np.array([1, 0, 1], np.float32),
        "at": np.array([np.nan] * 3, np.float32),
    }
    found = baseline(MIXED, Table(columns, np.array(["no", "yes", "no"], dtype=object)))
    assert found["size"] | {"quantiles": None} == {
        "type": "number", "rows": 3, "missing": 1, "mean": 2.0, "std": 1.0, "quantiles": None,
    }  # fmt: skip
    assert (found["size"]["quantiles"][0], found["size"]["quantiles"][10]) == (1.0, 3.0)
    assert found["colour"] == {"type": "category", "rows": 3, "missing": 1, "counts": {"red": 2, "green": 0}}
    assert found["note"]["length"][10] == 4
    assert found["fresh"]["counts"] == {"false": 1, "true": 2}
    assert found["at"] == {
        "type": "datetime",
        "rows": 3,
        "missing": 3,
        "mean": None,
        "std": None,
        "quantiles": [],
    }
    assert found["outcome"]["counts"] == {"no": 2, "yes": 1}


def test_a_number_is_described_by_eleven_quantiles() -> None:
    described = describe(NUMBERS.features[0], np.arange(101, dtype=np.float32))
    assert described["quantiles"] == [float(step) for step in range(0, 101, 10)]
