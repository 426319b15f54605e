"""How large an answer may become is known from the spec, before the model is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.api import answer_size
from relearn.api.request_schema import MAX_INSTANCES
from relearn.errors import AnswerSizeError
from relearn.spec.model import Category, DateTime, Id, Metric, ModelSpec, Ranking, Table
from relearn.spec.ranking import BASES
from tests.support.models import FLOWERS, PRICES

LABELS = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20),
    min_size=2,
    max_size=8,
    unique=True,
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ID = "20261130T190448123456-0123456789ab-999"[-32:]


def classifier(*labels: str) -> ModelSpec:
    return replace(FLOWERS, target=Category("species", values=labels))


def ranker(k: int, max_length: int) -> ModelSpec:
    return ModelSpec(
        name="films",
        title="Films",
        tables=(Table("seen", columns=(Id("guest"), Id("film"), DateTime("at")), time="at"),),
        entity="guest",
        columns=(Id("guest", optional=True), Id("like", optional=True)),
        target=Ranking("film", k=k, similar_to="like", max_length=max_length),
        metric=Metric("ndcg_at_k", minimum=0.0),
    )


def as_lambda_returns_it(predictions: list[dict[str, Any]]) -> int:
    body = json.dumps(
        {"model": "m" * 40, "version": 10**6, "predictions": predictions}, separators=(",", ":")
    )
    return len(json.dumps({"statusCode": 200, "headers": {"x-request-id": "x" * 40}, "body": body}))


@given(labels=LABELS, data=st.data())
def test_no_prediction_of_a_classifier_is_larger_than_its_bound(
    labels: list[str], data: st.DataObject
) -> None:
    prediction = {
        "id": ID,
        "label": data.draw(st.sampled_from(labels)),
        "probabilities": {label: data.draw(NUMBERS) for label in labels},
    }
    assert len(json.dumps(json.dumps(prediction))) <= answer_size.prediction_bytes(classifier(*labels))


@given(
    items=st.lists(st.text("abcdefgh", max_size=12), max_size=5),
    scores=st.lists(NUMBERS, min_size=5, max_size=5),
    basis=st.sampled_from(BASES),
)
def test_no_ranking_of_plain_items_is_larger_than_its_bound(
    items: list[str], scores: list[float], basis: str
) -> None:
    ranked = [{"item": item, "score": score} for item, score in zip(items, scores, strict=False)]
    found = len(json.dumps(json.dumps({"id": ID, "items": ranked, "basis": basis})))
    assert found <= answer_size.prediction_bytes(ranker(5, 12))


@given(value=NUMBERS)
def test_no_prediction_of_a_regression_is_larger_than_its_bound(value: float) -> None:
    assert len(json.dumps(json.dumps({"id": ID, "value": value}))) <= answer_size.prediction_bytes(PRICES)


@pytest.mark.parametrize("spec", [classifier(*map(str, range(400))), ranker(100, 256), PRICES])
def test_as_many_instances_as_are_allowed_fit_into_lambdas_answer(spec: ModelSpec) -> None:
    most = answer_size.most_instances(spec, answer_size.LAMBDA_BYTES)
    answer_size.check_count(spec, most)
    with pytest.raises(
        AnswerSizeError, match=rf"^the answer to {most + 1} instances may have .*{most} instances"
    ):
        answer_size.check_count(spec, most + 1)


def test_a_full_answer_of_many_classes_fits_into_lambdas_answer() -> None:
    labels = [f"class {number}" for number in range(400)]
    spec = classifier(*labels)
    longest = {"id": ID, "label": labels[-1], "probabilities": dict.fromkeys(labels, answer_size._NUMBER)}
    most = answer_size.most_instances(spec, answer_size.LAMBDA_BYTES)
    assert 0 < most < MAX_INSTANCES
    assert as_lambda_returns_it([longest] * most) <= answer_size.LAMBDA_BYTES


def test_models_of_a_few_classes_take_a_whole_request() -> None:
    assert answer_size.most_instances(FLOWERS, answer_size.ENDPOINT_BYTES) >= MAX_INSTANCES
    assert answer_size.most_instances(PRICES, answer_size.ENDPOINT_BYTES) >= MAX_INSTANCES


def test_one_instance_is_always_allowed() -> None:
    answer_size.check_count(ranker(100, 1_000_000), 1)
