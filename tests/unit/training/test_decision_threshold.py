"""The threshold of two classes: chosen by rows that no fit has learnt, and served exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from relearn.errors import ArtifactError
from relearn.spec import codec
from relearn.spec.model import Category, Metric, Threshold
from relearn.spec.policies import LABEL_METRICS
from scoring import artifact
from scoring.app import App
from scoring.scorer import Scorer, Scores, ServedThreshold
from tests.support.training_kit import NUMBERS, numbers_table
from training.data.dataset import Table
from training.fitting import decision_threshold, onnx_export
from training.fitting.fit import frame
from training.fitting.tasks import Answers

SPEC = replace(NUMBERS, threshold=Threshold("f1_macro"))
SCIKIT = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "mcc": metrics.matthews_corrcoef,
    "f1_weighted": lambda truth, given: metrics.f1_score(truth, given, average="weighted"),
    "f1_macro": lambda truth, given: metrics.f1_score(truth, given, average="macro"),
    "recall_macro": lambda truth, given: metrics.recall_score(truth, given, average="macro"),
    "precision_macro": lambda truth, given: metrics.precision_score(truth, given, average="macro"),
}
CHANCES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def loaded() -> Scorer:
    table = numbers_table(400)
    graph = onnx_export.export(LogisticRegression().fit(frame(table.columns), table.target), NUMBERS)
    return Scorer(graph.SerializeToString(), NUMBERS, onnx_export.layout(graph, NUMBERS))


@pytest.mark.parametrize("metric", LABEL_METRICS)
def test_no_other_threshold_between_two_probabilities_has_a_better_metric(metric: str) -> None:
    generator = np.random.default_rng(3)
    truth = generator.random(200) < 0.2
    chances = np.round(np.clip(0.3 * truth + 0.7 * generator.random(200), 0, 1), 2).astype(np.float32)
    chosen = decision_threshold.best(metric, truth, chances)
    values = [SCIKIT[metric](truth, chances >= cut) for cut in np.unique(chances)[1:]]
    assert SCIKIT[metric](truth, chances >= np.float32(chosen)) == pytest.approx(max(values))


@given(CHANCES, st.data())
def test_a_threshold_is_a_float32_that_rows_lie_on_both_sides_of(
    chances: list[float], data: st.DataObject
) -> None:
    truth = np.array(data.draw(st.lists(st.booleans(), min_size=len(chances), max_size=len(chances))))
    given_chances = np.array(chances, np.float32)
    chosen = decision_threshold.best("mcc", truth, given_chances)
    assert float(np.float32(chosen)) == chosen
    assert 0 < chosen <= 1
    if len(set(chances)) > 1:
        assert given_chances.min() < chosen <= given_chances.max()


@given(CHANCES.flatmap(lambda chances: st.tuples(st.just(chances), st.sampled_from([*chances, 0.5]))))
def test_the_label_is_answered_exactly_from_the_threshold_on(case: tuple[list[float], float]) -> None:
    chances, cut = case
    threshold = ServedThreshold("yes", "no", float(np.float32(cut)))
    beside = [np.nextafter(np.float32(cut), np.float32(side)) for side in (0, 1)]
    rows = np.array([*chances, cut, *beside], np.float32)
    labels = threshold.labels(rows)
    assert labels.tolist() == ["yes" if float(one) >= threshold.probability else "no" for one in rows]


def test_every_served_row_has_its_class_from_the_threshold_on_at_the_boundary_too(loaded: Scorer) -> None:
    columns = numbers_table(400).columns
    plain = loaded.columns(columns)
    assert plain.probabilities is not None
    for cut in np.unique(plain.probabilities[:, 1])[::40]:
        scores = loaded.at(ServedThreshold("yes", "no", float(cut)), 1).columns(columns)
        assert (scores.predictions == np.where(plain.probabilities[:, 1] >= cut, "yes", "no")).all()
        assert "yes" in scores.predictions
    assert (loaded.columns(columns).predictions == plain.predictions).all()


def test_it_is_chosen_by_fits_that_have_not_learnt_the_row_and_cover_each_once() -> None:
    table, learnt, asked = numbers_table(100), [], []

    def fit(rows: Table, others: Table) -> Answers:
        learnt.append(set(rows.columns["a"]))
        asked.append(set(others.columns["a"]))
        chance = np.where(others.target == "yes", 0.4, 0.1)
        scores = Scores(others.target, np.stack([1 - chance, chance], axis=1))
        return Answers(others, scores, ("no", "yes"))

    found = decision_threshold.choose(SPEC, table, fit)
    assert found is not None
    assert (found.label, found.other) == ("yes", "no")
    assert found.probability == pytest.approx(0.25)
    assert all(not one & other for one, other in zip(learnt, asked, strict=True))
    assert set.union(*asked) == set(table.columns["a"])


@given(st.lists(st.integers(0, 11), min_size=2, max_size=60))
def test_no_fit_has_learnt_a_row_of_an_entity_that_it_answers(entities: list[int]) -> None:
    rows = np.array(entities)
    table = Table(
        {"a": np.arange(len(rows))}, np.where(rows % 2 == 0, "yes", "no").astype(object), None, rows
    )
    answered: list[int] = []

    def fit(learnt: Table, asked: Table) -> Answers:
        assert learnt.entity is not None
        assert asked.entity is not None
        assert not set(learnt.entity) & set(asked.entity)
        answered.extend(asked.columns["a"])
        return Answers(asked, Scores(asked.target, np.full((len(asked), 2), 0.5)), ("no", "yes"))

    decision_threshold.choose(SPEC, table, fit)
    assert sorted(answered) == (list(range(len(rows))) if len(set(entities)) > 1 else [])


def test_a_threshold_is_one_of_entities_that_no_fit_knows() -> None:
    who = np.repeat(np.arange(120), 5)
    generator = np.random.default_rng(0)
    truth = np.where(generator.random(120) < 0.3, "yes", "no").astype(object)[who]
    table = Table({"a": who.astype(np.float32)}, truth, None, who)

    def knows_who_it_met(learnt: Table, asked: Table) -> Answers:
        met = dict(zip(learnt.columns["a"], learnt.target == "yes", strict=True))
        chance = np.array([0.9 * met[one] if one in met else 0.3 for one in asked.columns["a"]])
        return Answers(asked, Scores(asked.target, np.stack([1 - chance, chance], axis=1)), ("no", "yes"))

    rows = decision_threshold.choose(SPEC, Table(table.columns, truth), knows_who_it_met)
    entities = decision_threshold.choose(SPEC, table, knows_who_it_met)
    assert rows is not None
    assert 0.3 < rows.probability < 0.9
    assert rows.probability != decision_threshold.EVEN
    assert entities == ServedThreshold("yes", "no", decision_threshold.EVEN)


def test_without_a_fit_it_is_that_of_the_more_probable_class_and_without_a_wish_there_is_none() -> None:
    table = numbers_table(20)
    assert decision_threshold.choose(SPEC, table, lambda *_: None) == ServedThreshold("yes", "no", 0.5)
    assert decision_threshold.choose(NUMBERS, table, lambda *_: None) is None


def made(threshold: object) -> artifact.Artifact:
    table = numbers_table(400)
    estimator = LogisticRegression().fit(frame(table.columns), table.target)
    graph = onnx_export.export(estimator, NUMBERS)
    onnx = graph.SerializeToString()
    meta = {
        "format": artifact.FORMAT,
        "spec": codec.to_dict(NUMBERS),
        "spec_digest": codec.digest(NUMBERS),
        "classes": list(estimator.classes_),
        "inputs": [one.as_dict() for one in onnx_export.layout(graph, NUMBERS)],
        "onnx_sha256": artifact.sha256(onnx),
        artifact.THRESHOLD: threshold,
    }
    return artifact.make(onnx, meta)


def test_an_answer_names_the_threshold_and_its_label_follows_it() -> None:
    cut = float(np.float32(0.8))
    found = made({"label": "yes", "probability": cut})
    rows = numbers_table(60).columns
    instances = [{name: float(values[row]) for name, values in rows.items()} for row in range(60)]
    body = codec.canonical_json({"instances": instances}).encode()
    predictions = App(found, 1).answer(body)["predictions"]
    for one in predictions:
        assert one["threshold"] == {"label": "yes", "probability": cut}
        assert one["label"] == ("yes" if one["probabilities"]["yes"] >= cut else "no")
    assert {one["label"] for one in predictions} == {"yes", "no"}


def test_an_artifact_without_a_threshold_answers_the_more_probable_class_and_names_none() -> None:
    found = made(None)
    assert found.threshold is None
    (one,) = App(found, 1).answer(b'{"instances": [{"a": 1, "b": 2, "c": 3}]}')["predictions"]
    assert one.keys() == {"label", "probabilities"}


@pytest.mark.parametrize(
    "threshold",
    [
        {"label": "yes", "probability": 0.1},
        {"label": "yes", "probability": 0.0},
        {"label": "yes", "probability": 1.5},
        {"label": "yes", "probability": True},
        {"label": "maybe", "probability": 0.5},
        {"label": "yes"},
        ["yes", 0.5],
    ],
)
def test_a_threshold_that_cannot_be_served_is_refused(threshold: object) -> None:
    with pytest.raises(ArtifactError):
        made(threshold)


def test_a_metric_of_the_spec_may_be_another_one_than_that_of_its_threshold() -> None:
    spec = replace(
        SPEC, target=Category("outcome", values=("no", "yes")), metric=Metric("roc_auc", minimum=0.5)
    )
    assert codec.from_dict(codec.to_dict(spec)) == spec
