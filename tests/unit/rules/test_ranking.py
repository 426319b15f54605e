"""A ranking: what its spec may say, what it is held against, and how its answers are told."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.runs import job_report
from lambdas.serving.backends import parse_answer
from relearn.api import request_schema
from relearn.api.open_inference import model as tensors
from relearn.api.openapi.predictions import GROUP
from relearn.errors import DataError, InvalidFeedbackError, InvalidInstancesError, ModelFailedError, SpecError
from relearn.lifecycle.promotion import Naive, decide
from relearn.records import feedback
from relearn.spec import codec
from relearn.spec.model import DateTime, Id, Metric, ModelSpec, Monthly, Number, Ranking, Table

METRIC = Metric("ndcg_at_k", minimum=0.05, margin=-0.01)
EVENTS = Table("events", columns=(Id("who"), Id("song"), DateTime("at")), time="at")
SONGS = ModelSpec(
    name="songs",
    title="Songs that a listener may like",
    columns=(Id("who", optional=True), Id("like", optional=True)),
    target=Ranking("song", k=3, similar_to="like"),
    tables=(EVENTS,),
    entity="who",
    metric=METRIC,
)
LEAD = {"metric": "ndcg_at_k", "mean": 0.04, "low": 0.03, "confidence": 0.99}
NAIVE = {"method": "popularity", "metrics": {"ndcg_at_k": 0.06}, "lead": LEAD}


def ranked(*items: str, basis: str = "history") -> dict[str, Any]:
    scored = [{"item": item, "score": 1.0 - place / 10} for place, item in enumerate(items)]
    return {"items": scored, "basis": basis}


def read(*predictions: Any) -> list[dict[str, Any]]:
    return parse_answer(SONGS, 2, 1, json.dumps({"version": 2, "predictions": predictions}).encode())


def test_a_ranking_is_a_kind_of_its_own_whose_graph_takes_what_a_request_names() -> None:
    assert SONGS.kind == "ranking"
    assert SONGS.features == ()
    assert [column.name for column in SONGS.inputs] == ["who", "like"]


def test_its_features_say_who_met_what_and_how_much_that_counts() -> None:
    assert SONGS.made == (Id("who"), Id("song"), Number("weight", minimum=0))


def test_the_spec_of_a_ranking_survives_being_stored_as_json() -> None:
    assert codec.from_dict(json.loads(json.dumps(codec.to_dict(SONGS)))) == SONGS


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("song.k", lambda: Ranking("song", k=0)),
        ("song.k", lambda: Ranking("song", k=101)),
        ("tables", lambda: replace(SONGS, tables=())),
        ("entity", lambda: replace(SONGS, entity=None, columns=(Id("like", optional=True),))),
        ("columns", lambda: replace(SONGS, columns=(*SONGS.columns, Number("age", optional=True)))),
        ("columns", lambda: replace(SONGS, columns=(Id("who"), Id("like", optional=True)))),
        ("columns", lambda: replace(SONGS, target=Ranking("song", similar_to="other"))),
        ("columns", lambda: replace(SONGS, target=Ranking("weight", similar_to="like"))),
        ("columns", lambda: replace(SONGS, columns=(*SONGS.columns, Ranking("best")))),
        ("tables.events.columns", lambda: Table("events", columns=(Ranking("song"),))),
        ("moments", lambda: replace(SONGS, moments=Monthly(table="events", history_days=1, label_days=1))),
        ("metric.name", lambda: replace(SONGS, metric=Metric("accuracy", minimum=0.5))),
        ("metric.name", lambda: Metric("coverage_at_k", minimum=0.5)),  # items at random cover most
        ("metric.margin", lambda: Metric("accuracy", minimum=0.5, margin=-0.01)),
    ],
)
def test_a_mistake_names_the_field(field: str, make: Callable[[], Any]) -> None:
    with pytest.raises(SpecError) as caught:
        make()
    assert caught.value.field == field


def test_a_request_may_name_an_entity_an_item_or_nothing() -> None:
    given = [{"who": "ann"}, {"like": "song-1"}, {}]
    assert request_schema.check_request(SONGS, {"instances": given}) == given
    with pytest.raises(InvalidInstancesError):
        request_schema.check_request(SONGS, {"instances": [{"song": "song-1"}]})


def test_the_truth_of_a_ranking_is_the_name_of_an_item() -> None:
    rows = feedback.check_feedback(SONGS, {"feedback": [{"prediction": "p", "truth": "song-1"}]})
    assert rows[0].truth == "song-1"
    for wrong in ("", 7, ["song-1"]):
        with pytest.raises(InvalidFeedbackError):
            feedback.check_feedback(SONGS, {"feedback": [{"prediction": "p", "truth": wrong}]})


def test_a_candidate_that_is_surely_better_than_what_is_popular_is_promoted() -> None:
    decision = decide({"ndcg_at_k": 0.1}, None, METRIC, Naive.from_report(NAIVE, "ndcg_at_k"))
    assert decision.verdict == "promote"
    assert "popularity, 0.0600, by at least 0.0300 (99% sure)" in decision.reason


@given(st.sampled_from([0.0, -0.0, math.nan, -math.inf]) | st.floats(max_value=0), st.none() | st.just(0.01))
def test_a_lead_that_may_be_luck_is_refused_whatever_the_champion_does(
    low: float, champion: float | None
) -> None:
    naive = Naive("popularity", 0.06, 0.04, low, 0.99)
    rival = None if champion is None else {"ndcg_at_k": champion}
    decision = decide({"ndcg_at_k": 0.9}, rival, METRIC, naive)
    assert decision.verdict == "reject"
    assert "popularity" in decision.reason


@pytest.mark.parametrize(("value", "verdict"), [(0.195, "promote"), (0.185, "reject")])
def test_newer_data_may_cost_as_much_as_the_margin_says(value: float, verdict: str) -> None:
    naive = Naive.from_report(NAIVE, "ndcg_at_k")
    assert decide({"ndcg_at_k": value}, {"ndcg_at_k": 0.2}, METRIC, naive).verdict == verdict


def test_a_report_tells_how_a_candidate_does_against_what_is_popular() -> None:
    assert job_report.naive(NAIVE, SONGS) == Naive("popularity", 0.06, 0.04, 0.03, 0.99)


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {**NAIVE, "lead": {**LEAD, "metric": "recall_at_k"}},
        {**NAIVE, "lead": {**LEAD, "low": "high"}},
    ],
)
def test_a_report_without_it_does_not_count_for_a_ranking(told: Any) -> None:
    with pytest.raises(DataError, match="report"):
        job_report.naive(told, SONGS)


@pytest.mark.parametrize(
    "prediction", [ranked("a", "b", "c"), ranked("a", basis="similar"), ranked(basis="popularity")]
)
def test_a_sound_answer_gives_up_to_k_items(prediction: dict[str, Any]) -> None:
    assert read(prediction) == [prediction]


@pytest.mark.parametrize(
    "prediction",
    [
        ranked("a", "b", "c", "d"),
        ranked("a", "a"),
        ranked(""),
        ranked("a", basis="magic"),
        {"items": [{"item": "a", "score": 1}, {"item": "b", "score": 2}], "basis": "history"},
        {"items": [{"item": "a", "score": math.nan}], "basis": "history"},
        {"items": [{"item": 7, "score": 1.0}], "basis": "history"},
        {"items": [["a", 1.0]], "basis": "history"},
        {"items": ["a"], "basis": "history"},
        {"basis": "history"},
        {"label": "a", "probabilities": {"a": 1.0}},
    ],
)
def test_any_other_answer_is_a_failure_of_the_model(prediction: dict[str, Any]) -> None:
    with pytest.raises(ModelFailedError):
        read(prediction)


def test_the_document_describes_the_answer_and_its_example_fits() -> None:
    samples = {"songs": [{"who": "ann"}, {}]}
    schemas = GROUP.schemas({"songs": SONGS})
    [operation] = GROUP.operations({"songs": SONGS}, samples)
    example = operation.content["examples"]["sample"]["value"]
    document = {"components": {"schemas": schemas}, "$ref": "#/components/schemas/SongsPredictions"}
    jsonschema.validate(example, document)
    assert schemas["SongsPrediction"]["properties"]["items"]["maxItems"] == 3


def test_tensors_have_k_columns_and_an_empty_item_where_there_are_fewer() -> None:
    predictions = [{**ranked("a", "b", "c"), "id": "1"}, {**ranked("d"), "id": "2"}]
    wanted = [tensors.RequestedOutput(name, binary=False) for name in tensors.output_names(SONGS)]
    answer, tail = tensors.answer(SONGS, {"version": 2, "predictions": predictions}, wanted)
    told = {output["name"]: (output["shape"], output["data"]) for output in answer["outputs"]}
    assert tail == b""
    assert told["items"] == ([2, 3], ["a", "b", "c", "d", "", ""])
    assert told["scores"] == ([2, 3], [1.0, 0.9, 0.8, 1.0, 0.0, 0.0])
    assert told["basis"] == ([2], ["history", "history"])
    assert told["prediction_id"] == ([2], ["1", "2"])
