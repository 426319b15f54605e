"""A model is served only when it answers what its spec allows as its estimator does, whatever its data had."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from relearn.errors import ArtifactError
from relearn.spec.model import Category, DateTime, ModelSpec, Number, Text
from scoring.encode import from_values, seen, source
from scoring.scorer import Scorer
from tests.support import strategies
from tests.support.examples import examples
from tests.support.training_kit import NUMBERS, REGRESSION, numbers_table
from training.data.dataset import Dataset, Table
from training.fitting import agreement, coverage, onnx_export, tabular
from training.fitting.fit import Code, fit, frame

OPTIONAL = (Number("a", optional=True), Number("b"), Number("c"))
CLASSES, VALUES = replace(NUMBERS, columns=OPTIONAL), replace(REGRESSION, columns=OPTIONAL)
TREES = [
    (CLASSES, DecisionTreeClassifier(max_depth=5, random_state=0)),
    (CLASSES, RandomForestClassifier(10, max_depth=5, random_state=0)),
    (CLASSES, ExtraTreesClassifier(10, max_depth=5, random_state=0)),
    (VALUES, DecisionTreeRegressor(max_depth=5, random_state=0)),
    (VALUES, RandomForestRegressor(10, max_depth=5, random_state=0)),
    (VALUES, ExtraTreesRegressor(10, max_depth=5, random_state=0)),
]


def served(estimator: Any, spec: ModelSpec) -> Scorer:
    graph = onnx_export.export(estimator, spec)
    return Scorer(graph.SerializeToString(), spec, onnx_export.layout(graph, spec))


def cover(estimator: Any, spec: ModelSpec, table: Table) -> None:
    """Check as a training job does, of a model whose data lacks nothing."""
    rows = coverage.rows(spec, table)
    agreement.cover(estimator, served(estimator, spec), rows, table.columns)


def reach_of(estimator: Any, spec: ModelSpec, table: Table) -> float | None:
    data = Dataset(table, table, "", 1, {})
    return tabular._covered(estimator, served(estimator, spec), spec, data, None)


@pytest.mark.parametrize("lacking", [0.0, 0.3], ids=["data without gaps", "data with gaps"])
@pytest.mark.parametrize(("spec", "trees"), TREES, ids=lambda one: getattr(one, "kind", type(one).__name__))
def test_trees_send_a_missing_value_where_the_estimator_does(
    spec: ModelSpec, trees: Any, lacking: float
) -> None:
    table = numbers_table(300, regression=spec.kind == "regression")
    table.columns["a"][np.random.default_rng(0).random(300) < lacking] = np.nan
    estimator = trees.fit(frame(table.columns), table.target)
    rows = {**table.columns, "a": np.full(300, np.nan, np.float32)}
    given = served(estimator, spec).columns(rows)
    if given.probabilities is None:
        assert np.abs(given.predictions - estimator.predict(frame(rows))).max() < 1e-5
    else:
        assert list(given.predictions) == list(estimator.predict(frame(rows)))
        assert np.abs(given.probabilities - estimator.predict_proba(frame(rows))).max() < 1e-5


def test_a_graph_that_sends_a_missing_value_elsewhere_is_refused_by_the_column() -> None:
    table = numbers_table(300)
    estimator = RandomForestClassifier(10, random_state=0).fit(frame(table.columns), table.target)
    graph = onnx_export.export(estimator, CLASSES)
    trees = next(node for node in graph.graph.node if node.op_type == "TreeEnsembleClassifier")
    sides = next(each for each in trees.attribute if each.name == "nodes_missing_value_tracks_true")
    sides.ints[:] = [0] * len(sides.ints)  # as skl2onnx leaves it
    scorer = Scorer(graph.SerializeToString(), CLASSES, onnx_export.layout(graph, CLASSES))
    with pytest.raises(ArtifactError, match="otherwise than the estimator for a without a value"):
        agreement.cover(estimator, scorer, coverage.rows(CLASSES, table), table.columns)


def test_an_estimator_that_takes_no_missing_value_is_refused_by_the_column_with_what_to_do() -> None:
    table = numbers_table(200)
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    estimator.fit(frame(table.columns), table.target)
    with pytest.raises(ArtifactError, match=r"cannot answer for a without a value.*SimpleImputer.*required"):
        cover(estimator, CLASSES, table)


def test_an_estimator_that_can_not_learn_of_missing_values_is_refused_by_the_column() -> None:
    table = numbers_table(200)
    table.columns["a"][3] = np.nan
    code = Code(lambda: make_pipeline(StandardScaler(), LogisticRegression()), None)
    with pytest.raises(ArtifactError, match=r"cannot learn from rows without a .*SimpleImputer"):
        fit(CLASSES, code, {}, table)


def test_an_estimator_that_takes_no_value_that_the_data_lacks_is_refused_by_it() -> None:
    spec = replace(NUMBERS, columns=(Number("a"), Category("colour", values=("red", "green", "blue"))))
    colours = np.array(["red", "green"] * 100, dtype=object)
    table = Table({"a": numbers_table(200).columns["a"], "colour": colours}, numbers_table(200).target)

    def model(**options: Any) -> Any:
        encoder = make_column_transformer((OneHotEncoder(**options), ["colour"]), remainder="passthrough")
        return make_pipeline(encoder, LogisticRegression()).fit(frame(table.columns), table.target)

    with pytest.raises(ArtifactError, match=r"cannot answer for colour being 'blue'.*handle_unknown"):
        cover(model(), spec, table)
    assert reach_of(model(handle_unknown="ignore"), spec, table) is None


def test_what_fails_only_together_is_named_together() -> None:
    class Picky(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        """Takes a row without a, one without b, and none without both."""

        classes_ = np.array(["no", "yes"])

        def predict_proba(self, rows: Any) -> Any:
            if (rows["a"].isna() & rows["b"].isna()).any():
                raise ValueError("neither a nor b")
            return np.full((len(rows), 2), 0.5)

        def predict(self, rows: Any) -> Any:
            return np.full(len(rows), "no", dtype=object)

    spec = replace(NUMBERS, columns=(*OPTIONAL[:1], Number("b", optional=True), Number("c")))
    table = numbers_table(50)
    scorer = served(LogisticRegression().fit(frame(table.columns), table.target), spec)
    with pytest.raises(ArtifactError, match=r"for a without a value with b without a value.*neither a nor b"):
        agreement.cover(Picky(), scorer, coverage.rows(spec, table), table.columns)


def test_words_that_a_graph_counts_otherwise_are_refused_by_the_column() -> None:
    spec = replace(NUMBERS, columns=(Text("note"),))
    notes = np.array(["m\u00fcde und froh", "froh"] * 50, dtype=object)
    table = Table({"note": notes}, np.array(["no", "yes"] * 50, dtype=object))
    words = make_column_transformer((TfidfVectorizer(), "note"))
    estimator = make_pipeline(words, LogisticRegression()).fit(frame(table.columns), table.target)
    with pytest.raises(ArtifactError, match=r"for note being 'M\u00dcDE UND FROH'.*TokenCounts"):
        cover(estimator, spec, table)


def test_a_model_whose_numbers_overflow_answers_no_further_than_it_agrees() -> None:
    table = numbers_table(200, regression=True)
    small = Table({name: values / 100 for name, values in table.columns.items()}, table.target)
    estimator = make_pipeline(StandardScaler(), LinearRegression()).fit(frame(small.columns), small.target)
    assert reach_of(estimator, REGRESSION, small) == 1e30
    bounded = tuple(Number(name, minimum=-1, maximum=1) for name in "abc")
    assert reach_of(estimator, replace(REGRESSION, columns=bounded), small) is None


def test_a_model_that_does_not_reach_beyond_its_data_is_refused_with_what_to_do() -> None:
    table = numbers_table(300, regression=True)
    large = Table({name: values * np.float32(1e31) for name, values in table.columns.items()}, table.target)
    estimator = KNeighborsRegressor().fit(frame(large.columns), large.target)
    with pytest.raises(ArtifactError, match="declare a minimum and a maximum"):
        reach_of(estimator, REGRESSION, large)


def test_an_imputer_answers_for_missing_values() -> None:
    table = numbers_table(200)
    estimator = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    reach_of(estimator.fit(frame(table.columns), table.target), CLASSES, table)


@examples(50)
@given(strategies.specs())
def test_every_row_tried_is_one_that_the_spec_allows(spec: ModelSpec) -> None:
    for column in spec.columns:
        for corner in coverage.corners(column, np.array(["Known"], dtype=object), 1e30):
            if corner.value is None:
                assert column.optional
            else:
                assert column.problem(corner.value) is None


def test_a_model_answers_by_the_parts_of_a_date_time_as_its_estimator_does() -> None:
    spec = replace(NUMBERS, columns=(Number("a"), DateTime("at", parts=("hour", "weekday"), optional=True)))
    generator = np.random.default_rng(0)
    began = datetime(2026, 5, 4, tzinfo=UTC)
    moments = [began + timedelta(minutes=int(at)) for at in generator.integers(0, 100_000, 600)]
    rows = [(0.0, moment.isoformat()) for moment in moments]
    encoded = {
        one.name: from_values([one])([[row[source(one) == "at"]] for row in rows])[:, 0]
        for one in seen(spec.columns)
    }
    target = np.array(
        ["yes" if moment.hour >= 18 and moment.weekday() < 5 else "no" for moment in moments], object
    )
    assert list(encoded) == ["a", "at", "at_time", "at_hour", "at_weekday"]
    trees = DecisionTreeClassifier(max_depth=4, random_state=0).fit(frame(encoded), target)
    assert reach_of(trees, spec, Table(encoded, target)) is None
    answered = served(trees, spec).rows(rows)
    assert list(answered.predictions) == list(target) == list(trees.predict(frame(encoded)))


def test_a_target_that_float32_does_not_tell_apart_is_named_before_any_corner() -> None:
    table = numbers_table(300, regression=True)
    far = Table(table.columns, table.target * 3600 + 1.7e9)  # seconds since 1970
    forest = RandomForestRegressor(20, max_depth=5, random_state=0).fit(frame(far.columns), far.target)
    rows = coverage.rows(REGRESSION, far)
    with pytest.raises(
        agreement.CornerError, match=r"steps around 1.7e\+09 are 128: subtract a base from the target"
    ) as caught:
        agreement.cover(forest, served(forest, REGRESSION), rows, far.columns, spread=float(far.target.std()))
    assert "SimpleImputer" not in str(caught.value)
