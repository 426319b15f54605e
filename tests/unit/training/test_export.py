from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from relearn.errors import ArtifactError
from relearn.spec.model import Category, ModelSpec, Number, Text
from scoring.scorer import Scorer
from tests.support.training_kit import NUMBERS, REGRESSION, numbers_table
from training.data.dataset import Table
from training.fitting import agreement, onnx_export, thresholds
from training.fitting.fit import frame


def agree(
    estimator: Any,
    spec: ModelSpec,
    table: Table,
    graph: onnx.ModelProto | None = None,
    *,
    spread: float | None = None,
) -> agreement.Agreement:
    """Export as a training job does, and check."""
    graph = graph or onnx_export.export(estimator, spec)
    inputs = onnx_export.layout(graph, spec)
    extra = thresholds.rows(graph, inputs, table)
    rows = table if extra is None else table.and_also(extra)
    scorer = Scorer(graph.SerializeToString(), spec, inputs)
    return agreement.check(
        estimator, scorer, rows.columns, threshold_rows=len(rows) - len(table), spread=spread
    )


def tight_table(rows: int = 4000) -> Table:
    """Make rows whose neighbours are one float32 apart, so that most thresholds fall between two of them."""
    generator = np.random.default_rng(1)
    columns = {}
    for name in ("a", "b", "c"):
        steps = generator.integers(0, 200, size=rows).astype(np.int32)
        columns[name] = (np.float32(1.0).view(np.int32) + steps).view(np.float32)
    score = columns["a"].astype(np.float64) - columns["b"]
    return Table(columns, np.where(score > 0, "yes", "no").astype(object))


@given(st.floats(-3e38, 3e38))
def test_a_threshold_rounded_down_divides_float32_as_before(threshold: float) -> None:
    rounded = onnx_export.round_down(np.array([threshold]))[0]
    above = np.nextafter(rounded, np.float32(np.inf))
    assert float(rounded) <= threshold < float(above)


def test_histogram_boosting_is_exact_at_its_thresholds() -> None:
    table = tight_table()
    estimator = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(
        frame(table.columns), table.target
    )
    agreed = agree(estimator, NUMBERS, table)
    assert agreed.threshold_rows > 100


def test_histogram_boosting_as_skl2onnx_leaves_it_is_refused() -> None:
    table = tight_table()
    estimator = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(
        frame(table.columns), table.target
    )
    types = [(onnx_export.MATRIX, FloatTensorType([None, 3]))]
    graph = to_onnx(estimator, initial_types=types, options={"zipmap": False})
    with pytest.raises(ArtifactError, match="disagrees with the estimator"):
        agree(estimator, NUMBERS, table, graph)


def test_the_estimator_itself_is_left_as_it_was_fitted() -> None:
    table = tight_table()
    estimator = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(
        frame(table.columns), table.target
    )
    before = [tree.nodes["num_threshold"].copy() for trees in estimator._predictors for tree in trees]
    onnx_export.export(estimator, NUMBERS)
    after = [tree.nodes["num_threshold"] for trees in estimator._predictors for tree in trees]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))


def test_boosting_inside_a_pipeline_is_found() -> None:
    table = numbers_table(600, regression=True)
    columns = make_column_transformer(("passthrough", ["a", "b", "c"]))
    boosting = HistGradientBoostingRegressor(max_iter=30, random_state=0)
    estimator = make_pipeline(columns, boosting).fit(frame(table.columns), table.target)
    assert agree(estimator, REGRESSION, table).threshold_rows > 0


def test_a_forest_agrees_also_at_its_thresholds() -> None:
    table = numbers_table(500)
    estimator = RandomForestClassifier(30, random_state=0).fit(frame(table.columns), table.target)
    assert agree(estimator, NUMBERS, table).threshold_rows > 0


def test_a_tie_of_the_estimator_is_counted_and_not_refused() -> None:
    columns = {name: np.zeros(4, np.float32) for name in ("a", "b", "c")}
    graph = onnx_export.export(_always(0.5, columns), NUMBERS)
    label = next(node for node in graph.graph.node if node.op_type == "LinearClassifier")
    names = next(each for each in label.attribute if each.name == "classlabels_strings")
    assert names.strings == [b"no", b"yes"]
    names.strings[:] = [b"yes", b"no"]
    assert agree(_always(0.5, columns), NUMBERS, Table(columns, np.array(["no"] * 4)), graph).ties == 4


def test_another_label_without_a_tie_is_refused() -> None:
    table = numbers_table(300)
    estimator = LogisticRegression().fit(frame(table.columns), table.target)
    graph = onnx_export.export(estimator, NUMBERS)
    label = next(node for node in graph.graph.node if node.op_type == "LinearClassifier")
    names = next(each for each in label.attribute if each.name == "classlabels_strings")
    names.strings[:] = [b"yes", b"no"]
    with pytest.raises(ArtifactError, match="labels identical"):
        agree(estimator, NUMBERS, table, graph)


def test_a_tuned_threshold_is_refused() -> None:
    generator = np.random.default_rng(0)
    table = numbers_table(400)
    rare = np.where(generator.random(400) < 0.85, "no", table.target).astype(object)
    estimator = TunedThresholdClassifierCV(
        LogisticRegression(), scoring="balanced_accuracy", random_state=0
    ).fit(frame(table.columns), rare)
    with pytest.raises(ArtifactError, match=r"disagrees|cannot convert"):
        agree(estimator, NUMBERS, table)


def test_a_regression_is_measured_by_the_spread_of_its_target() -> None:
    table = numbers_table(300, regression=True)
    table = Table(table.columns, table.target * 1e6 + 1e6)
    estimator = HistGradientBoostingRegressor(random_state=0).fit(frame(table.columns), table.target)
    agreed = agree(estimator, REGRESSION, table, spread=float(table.target.std()))
    assert agreed.tolerance == pytest.approx(1e-5 * table.target.std())
    assert agreed.max_abs_diff <= agreed.tolerance


@pytest.mark.parametrize("base", [0.0, 1e5, 1.7e9], ids=lambda base: f"around {base:g}")
def test_a_wrong_graph_is_refused_however_far_from_zero_the_target_is(base: float) -> None:
    table = numbers_table(300, regression=True)
    table = Table(table.columns, table.target * 3600 + base)
    estimator = RandomForestRegressor(20, max_depth=5, random_state=0).fit(frame(table.columns), table.target)
    graph = onnx_export.export(estimator, REGRESSION)
    trees = next(node for node in graph.graph.node if node.op_type == "TreeEnsembleRegressor")
    thresholds_of = next(each for each in trees.attribute if each.name == "nodes_values")
    thresholds_of.floats[:] = [value + 1 for value in thresholds_of.floats]
    with pytest.raises(ArtifactError, match="of the spread"):
        agree(estimator, REGRESSION, table, graph)


def test_a_target_that_float32_does_not_tell_apart_is_refused_with_what_to_do() -> None:
    table = numbers_table(300, regression=True)
    table = Table(table.columns, table.target * 3600 + 1.7e9)  # seconds since 1970
    estimator = RandomForestRegressor(20, max_depth=5, random_state=0).fit(frame(table.columns), table.target)
    with pytest.raises(
        ArtifactError, match=r"steps around 1.7e\+09 are 128: subtract a base from the target"
    ):
        agree(estimator, REGRESSION, table)


FOREST = RandomForestRegressor(300, max_depth=4, random_state=0)
BOOSTING = HistGradientBoostingRegressor(random_state=0)


def pressure(base: float) -> Table:
    """Air pressure, say: a mean far from zero and a small spread, so that 1e-5 of it is less than a float32 step."""
    table = numbers_table(300, regression=True)
    return Table(table.columns, table.target / table.target.std() * 2.5 + base)


@pytest.mark.parametrize("estimator", [FOREST, BOOSTING], ids=lambda one: type(one).__name__)
def test_a_target_some_way_from_zero_is_served_although_float32_is_coarser_there(estimator: Any) -> None:
    table = pressure(1e3)
    fitted = estimator.fit(frame(table.columns), table.target)
    agreed = agree(fitted, REGRESSION, table, spread=2.5)
    assert 1e-5 * 2.5 < agreed.max_abs_diff <= agreed.tolerance <= 0.005 * 2.5


def test_a_difference_that_matters_is_refused_some_way_from_zero_too() -> None:
    table = pressure(1e3)
    fitted = FOREST.fit(frame(table.columns), table.target)
    graph = onnx_export.export(fitted, REGRESSION)
    trees = next(node for node in graph.graph.node if node.op_type == "TreeEnsembleRegressor")
    weights = next(each for each in trees.attribute if each.name == "target_weights")
    weights.floats[:] = [value + 0.02 * 2.5 / 300 for value in weights.floats]  # 2 % of the spread
    with pytest.raises(ArtifactError, match="of the spread"):
        agree(fitted, REGRESSION, table, graph, spread=2.5)


def test_a_target_that_is_always_the_same_is_measured_by_its_size() -> None:
    table = numbers_table(50, regression=True)
    table = Table(table.columns, np.full(50, 0.1))
    estimator = RandomForestRegressor(5, random_state=0).fit(frame(table.columns), table.target)
    assert agree(estimator, REGRESSION, table, spread=0.0).tolerance == pytest.approx(1e-6)


def test_trees_behind_a_scaler_are_refused_with_a_hint() -> None:
    table = numbers_table(300, regression=True)
    estimator = make_pipeline(StandardScaler(), HistGradientBoostingRegressor(random_state=0))
    estimator.fit(frame(table.columns), table.target)
    with pytest.raises(ArtifactError, match="give trees the columns as they come"):
        agree(estimator, REGRESSION, table)


def test_features_that_are_all_numbers_go_in_as_one_matrix() -> None:
    table = numbers_table(100)
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame(table.columns), table.target)
    inputs = onnx_export.layout(onnx_export.export(estimator, NUMBERS), NUMBERS)
    assert [(given.name, given.columns) for given in inputs] == [("X", ("a", "b", "c"))]


def test_columns_chosen_by_name_go_in_one_by_one_words_and_text_too() -> None:
    spec = replace(
        NUMBERS,
        columns=(Number("a"), Category("colour", values=("red", "green")), Text("note", optional=True)),
    )
    generator = np.random.default_rng(0)
    colours = generator.choice(["red", "green"], 200).astype(object)
    notes = generator.choice(["good and new", "Old or bad", ""], 200).astype(object)
    columns = {"a": generator.normal(size=200).astype(np.float32), "colour": colours, "note": notes}
    target = np.where((colours == "red") ^ (notes == "Old or bad"), "yes", "no").astype(object)
    table = Table(columns, target)
    chosen = make_column_transformer(
        (StandardScaler(), ["a"]), (OneHotEncoder(), ["colour"]), (TfidfVectorizer(), "note")
    )
    estimator = make_pipeline(chosen, LogisticRegression()).fit(frame(columns), target)
    graph = onnx_export.export(estimator, spec)
    assert [given.name for given in onnx_export.layout(graph, spec)] == ["a", "colour", "note"]
    assert agree(estimator, spec, table, graph).labels_identical
    locales = [
        attribute.s
        for node in graph.graph.node
        if node.op_type == "StringNormalizer"
        for attribute in node.attribute
        if attribute.name == "locale"
    ]
    assert locales == [b"C"]


def test_operator_sets_are_listed_in_one_order() -> None:
    table = numbers_table(100)
    graph = onnx_export.export(LogisticRegression().fit(frame(table.columns), table.target), NUMBERS)
    domains = [each.domain for each in graph.opset_import]
    assert domains == sorted(domains)
    graph.opset_import.sort(key=lambda each: each.domain, reverse=True)
    assert [each.domain for each in onnx_export.in_order(graph).opset_import] == domains
    assert len(domains) > 1


def test_an_export_with_other_outputs_is_refused() -> None:
    table = numbers_table(100)
    estimator = LogisticRegression().fit(frame(table.columns), table.target)
    graph = onnx_export.export(estimator, NUMBERS)
    del graph.graph.output[1]
    with pytest.raises(ArtifactError, match="graph outputs"):
        onnx_export.layout(graph, NUMBERS)


def test_an_export_with_an_input_that_is_no_feature_is_refused() -> None:
    table = numbers_table(100)
    estimator = LogisticRegression().fit(frame(table.columns), table.target)
    graph = onnx_export.export(estimator, NUMBERS)
    graph.graph.input[0].name = "other"
    with pytest.raises(ArtifactError, match=r"graph input 'other' .* for all features when all are float32"):
        onnx_export.layout(graph, NUMBERS)


def test_an_estimator_that_can_not_be_converted_is_refused() -> None:
    with pytest.raises(ArtifactError, match="skl2onnx cannot convert"):
        onnx_export.export(object(), NUMBERS)


def _always(share: float, columns: dict[str, Any]) -> LogisticRegression:
    """Make a model that gives every row the same probability of yes."""
    model = LogisticRegression().fit(frame(columns), ["no", "yes", "no", "yes"])
    model.coef_, model.intercept_ = np.zeros((1, 3)), np.array([np.log(share / (1 - share))])
    return model
