"""The HTTP API: predictions, descriptions of models, and every error as a problem (RFC 9457)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas import catalog, http, models, predict, wiring
from lambdas.aws import clients
from lambdas.aws.metrics import Meter
from lambdas.aws.runtime import Runtime
from lambdas.config import Config
from tests.aws.models import FLOWERS_CSV, SAMPLES
from tests.aws.world import STAGE, LambdaContext, World, brain

EVENT = json.loads((Path(__file__).parent.parent / "events" / "http_predict.json").read_text())
GOOD = {"instances": [{"length": 3.0, "width": 1.0}, {"length": 9.0, "width": 4.0}]}


def call(body: Any = None, **changes: Any) -> tuple[int, dict[str, str], Any]:
    """Call the function as API Gateway does; give status, headers and JSON."""
    text = body if isinstance(body, str) else json.dumps(GOOD if body is None else body)
    answer = predict.handler({**EVENT, "body": text, **changes}, LambdaContext())
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])


def get(model: str | None = None) -> tuple[int, Any]:
    parameters = {} if model is None else {"pathParameters": {"model": model}}
    event = {key: value for key, value in EVENT.items() if key not in ("body", "pathParameters")}
    answer = models.handler({**event, **parameters}, LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def live(world: World) -> World:
    """A stage where the flowers model serves version 1."""
    world.serve("flowers")
    return world


def test_the_champion_answers_every_instance_and_is_named(live: World) -> None:
    del live
    status, headers, answer = call()
    assert status == 200
    assert (answer["model"], answer["version"]) == ("flowers", 1)
    assert [prediction["label"] for prediction in answer["predictions"]] == ["rose", "tulip"]
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == "JKJaXmPLvHcESHA="


def test_a_body_in_base64_is_the_same_body(live: World) -> None:
    del live
    encoded = base64.b64encode(json.dumps(GOOD).encode()).decode()
    assert call(encoded, isBase64Encoded=True)[0] == 200


def test_a_content_type_may_name_its_charset(live: World) -> None:
    del live
    assert call(headers={"Content-Type": "application/json; charset=utf-8"})[0] == 200


def test_a_promotion_takes_effect_within_five_seconds_and_the_route_is_read_no_more_often(
    world: World,
) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    time = [0.0]
    config = Config.from_env()
    predictor = predict.Predictor(
        ledger=wiring.ledger(config),
        runtime=Runtime(clients.sagemaker_runtime(5)),
        meter=Meter(STAGE, world.clock),
        catalog=catalog.load(),
        stage=STAGE,
        clock=lambda: time[0],
    )
    request = http.Request("id", "/", "flowers", "application/json", json.dumps(GOOD).encode())
    assert predictor.predict(request)["version"] == 1
    world.send(FLOWERS_CSV, "incoming/flowers/more.csv")
    world.run()
    time[0] = 4.9
    assert predictor.predict(request)["version"] == 1
    time[0] = 5.0
    assert predictor.predict(request)["version"] == 2


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"body": "{"}, 400, "malformed-body"),
        ({"body": ""}, 400, "malformed-body"),
        ({"body": '{"instances": [{"length": NaN, "width": 1}]}'}, 400, "malformed-body"),
        ({"body": '{"instances": [{"length": -Infinity, "width": 1}]}'}, 400, "malformed-body"),
        ({"body": "[" * 100_000}, 400, "malformed-body"),
        ({"body": "1" * 5000}, 400, "malformed-body"),
        ({"body": "no base64!", "isBase64Encoded": True}, 400, "malformed-body"),
        ({"body": "/w==", "isBase64Encoded": True}, 400, "malformed-body"),
        ({"pathParameters": {"model": "trees"}}, 404, "not-found"),
        ({"body": " " * 4_000_001}, 413, "too-large"),
        ({"headers": {"content-type": "text/csv"}}, 415, "unsupported-media-type"),
        ({"headers": {}}, 415, "unsupported-media-type"),
        ({"body": "[]"}, 422, "invalid-instances"),
        ({"body": '{"instances": [{"length": 1e999, "width": 1}]}'}, 422, "invalid-instances"),
        ({"pathParameters": {"model": "prices"}, "body": '{"instances": [{"area": 1}]}'}, 503, "not-serving"),
    ],
)
def test_every_bad_request_is_a_problem_of_its_own_kind(
    live: World, changes: dict[str, Any], status: int, slug: str
) -> None:
    answer = predict.handler({**EVENT, **changes}, LambdaContext())
    problem = json.loads(answer["body"])
    assert answer["statusCode"] == problem["status"] == status
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["x-request-id"] == problem["request_id"] == "JKJaXmPLvHcESHA="
    assert problem["type"] == f"urn:relearn:problem:{slug}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == "/v1/models/flowers/predict"
    assert "InvokeEndpoint" not in live.sagemaker.calls


def test_every_wrong_field_is_pointed_at_at_once(live: World) -> None:
    del live
    _, _, problem = call({"instances": [{"length": "long"}, {"length": 1, "width": 101, "hue": 3}]})
    pointers = [error["pointer"] for error in problem["errors"]]
    assert pointers == [
        "/instances/0/length",
        "/instances/0/width",
        "/instances/1/width",
        "/instances/1/hue",
    ]


def test_an_unknown_model_is_told_which_there_are(live: World) -> None:
    del live
    problem = call(pathParameters={"model": "trees"})[2]
    assert problem["detail"] == "no model 'trees'; there are: flowers, prices"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 503),
        ("ServiceUnavailable", 503),
        ("ModelNotReadyException", 503),
        ("InternalFailure", 502),
        ("ValidationError", 502),
    ],
)
def test_errors_of_sagemaker_are_told_apart(live: World, code: str, status: int) -> None:
    del live

    def refuse(**_: Any) -> Any:
        answer = {"Error": {"Code": code, "Message": "secret detail"}}
        return type("Answer", (), {"status_code": 500}), answer

    runtime = clients.sagemaker_runtime(5)
    runtime.meta.events.register_first("before-call.sagemaker-runtime", refuse)
    given, headers, problem = call_with(runtime)
    assert given == status
    assert ("retry-after" in headers) == (status == 503)
    assert "secret" not in json.dumps(problem)


@pytest.mark.parametrize("status", [400, 500])
def test_an_error_of_the_model_is_a_bad_gateway_even_when_it_blames_the_request(
    live: World, status: int
) -> None:
    live.sagemaker.brain = lambda _endpoint, _body: (status, {"error": "no"})
    assert call()[0] == 502


@pytest.mark.parametrize(
    "answer",
    [
        b"not json",
        [],
        {"predictions": "none"},
        {"predictions": []},
        {"version": 9, "predictions": brain("-v9", GOOD)[1]["predictions"]},
        {"predictions": [{"label": "rose"}, {"label": "rose"}]},
        {"predictions": [{"label": "oak", "probabilities": {}}] * 2},
        {"predictions": [{"label": "rose", "probabilities": {"rose": "high"}}] * 2},
    ],
)
def test_an_answer_that_is_not_as_agreed_is_a_bad_gateway(live: World, answer: Any) -> None:
    live.sagemaker.brain = lambda _endpoint, _body: (200, answer)
    assert call()[0] == 502


def test_a_model_that_does_not_answer_in_time_is_a_gateway_timeout(live: World) -> None:
    from botocore.exceptions import ReadTimeoutError  # noqa: PLC0415

    def time_out(**_: Any) -> Any:
        raise ReadTimeoutError(endpoint_url="https://runtime.example/endpoints/x")

    del live
    runtime = clients.sagemaker_runtime(5)
    runtime.meta.events.register_first("before-call.sagemaker-runtime", time_out)
    status, _, problem = call_with(runtime)
    assert status == 504
    assert "runtime.example" not in json.dumps(problem)


def test_a_fault_of_ours_is_logged_with_the_request_and_told_without_details(
    live: World, caplog: pytest.LogCaptureFixture
) -> None:
    live.dynamodb.delete_table(TableName="ledger")
    status, _, problem = call()
    assert status == 500
    assert "ledger" not in json.dumps(problem)
    assert "ResourceNotFoundException" in caplog.text
    assert "JKJaXmPLvHcESHA=" in caplog.text


def test_no_body_is_ever_logged(live: World, caplog: pytest.LogCaptureFixture) -> None:
    live.sagemaker.brain = lambda _endpoint, body: (500, body)
    call({"instances": [{"length": 12.345, "width": 6.789}]})
    call({"instances": [{"length": "12.345"}]})
    assert "12.345" not in caplog.text


def test_predictions_and_errors_are_counted_by_model_and_version(
    live: World, capsys: pytest.CaptureFixture[str]
) -> None:
    del live
    capsys.readouterr()
    call()
    call([])
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert {key: first[key] for key in ("model", "version", "Predictions")} == {
        "model": "flowers",
        "version": "1",
        "Predictions": 1,
    }
    assert (second["status"], second["PredictionErrors"]) == ("422", 1)


# what a model waits for


def test_before_the_first_upload_the_caller_is_told_so(world: World) -> None:
    del world
    status, headers, problem = call()
    assert (status, headers["retry-after"]) == (503, "300")
    assert problem["detail"] == "the first upload"


def test_while_a_run_goes_the_caller_is_told_which_and_where_it_stands(world: World) -> None:
    world.send(FLOWERS_CSV)
    status, headers, problem = call()
    assert (status, headers["retry-after"]) == (503, "15")
    assert problem["detail"] == (
        f"the first version is waiting for more uploads (run {world.latest().run_id})"
    )


def test_after_a_rejected_run_the_caller_is_told_why(world: World) -> None:
    world.score["flowers"] = 0.5
    world.send(FLOWERS_CSV)
    world.run()
    detail = call()[2]["detail"]
    assert detail.startswith("better data: the last run was rejected: f1_macro 0.5000")


def test_after_a_quarantined_upload_the_caller_is_told_why(world: World) -> None:
    world.send(b"")
    assert call()[2]["detail"].startswith("data that can be used: the last upload was refused: empty")


# descriptions


def test_all_models_are_listed_with_what_serves(live: World) -> None:
    del live
    status, answer = get()
    assert status == 200
    assert [(model["name"], model["state"], model["version"]) for model in answer["models"]] == [
        ("flowers", "live", 1),
        ("prices", "waiting", None),
    ]


def test_a_live_model_is_described_with_its_metrics_schema_and_sample(live: World) -> None:
    del live
    _, model = get("flowers")
    assert (model["kind"], model["state"], model["version"]) == ("classification", "live", 1)
    assert model["metrics"] == {"f1_macro": 0.9}
    assert model["waiting_for"] is None
    assert model["sample"] == {"instances": SAMPLES["flowers"]}
    assert model["target"] == {"name": "kind", "type": "string", "enum": ["rose", "tulip"]}
    jsonschema.validate(model["sample"], model["request_schema"])


def test_a_waiting_model_says_what_it_waits_for(live: World) -> None:
    del live
    _, model = get("prices")
    assert (model["state"], model["version"], model["metrics"]) == ("waiting", None, {})
    assert model["waiting_for"] == "the first upload"


def test_the_sample_of_a_live_model_is_answered(live: World) -> None:
    del live
    assert call(get("flowers")[1]["sample"])[0] == 200


def test_an_unknown_model_is_not_found(live: World) -> None:
    del live
    assert get("trees")[0] == 404


# any body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELD = st.sampled_from(["length", "width", "kind", "length ", ""])
NEARLY = st.fixed_dictionaries({"instances": st.lists(st.dictionaries(FIELD, JSON), max_size=3)})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON | NEARLY)
def test_any_json_is_answered_or_told_what_is_wrong_with_it(live: World, body: Any) -> None:
    del live
    assert call(body)[0] in (200, 400, 422)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered_or_told_what_is_wrong_with_them(live: World, body: bytes) -> None:
    del live
    assert call(base64.b64encode(body).decode(), isBase64Encoded=True)[0] in (200, 400, 422)


def call_with(runtime: Any) -> tuple[int, dict[str, str], Any]:
    """Call the handler's one line with a predictor whose endpoint client is this one."""
    config = Config.from_env()
    predictor = predict.Predictor(
        ledger=wiring.ledger(config),
        runtime=Runtime(runtime),
        meter=wiring.meter(config),
        catalog=catalog.load(),
        stage=STAGE,
    )
    work: Callable[[http.Request], Any] = predictor.predict
    answer = http.serve({**EVENT, "body": json.dumps(GOOD)}, work)
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])
