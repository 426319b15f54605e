"""The HTTP API: predictions, descriptions of models, and every error as a problem (RFC 9457)."""

from __future__ import annotations

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from lambdas.handlers import models, predict
from lambdas.http.request import Request
from lambdas.serving import prediction
from lambdas.serving.request_context import RequestContext
from relearn.api import answer_size
from tests.support.examples import examples
from tests.support.models import FLOWERS_CSV, SAMPLES
from tests.support.wire import Behaviour, LocalAWS
from tests.support.world import LambdaContext, World, brain

pytestmark = pytest.mark.usefixtures("local_aws")

EVENT = json.loads((Path(__file__).parent.parent / "events" / "http_predict.json").read_text())
GOOD = {"instances": [{"length": 3.0, "width": 1.0}, {"length": 9.0, "width": 4.0}]}


def call(
    body: Any = None, context: LambdaContext | None = None, **changes: Any
) -> tuple[int, dict[str, str], Any]:
    """Call the function as API Gateway does; give status, headers and JSON."""
    text = body if isinstance(body, str) else json.dumps(GOOD if body is None else body)
    answer = predict.handler({**EVENT, "body": text, **changes}, context or LambdaContext())
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])


def get(model: str | None = None) -> tuple[int, Any]:
    parameters = {} if model is None else {"pathParameters": {"model": model}}
    event = {key: value for key, value in EVENT.items() if key not in ("body", "pathParameters")}
    event["routeKey"] = "GET /v1/models" if model is None else "GET /v1/models/{model}"
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


def counted(world: World) -> list[int]:
    """Count the instances of each call of an endpoint from now on."""
    calls: list[int] = []

    def answer(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        calls.append(len(body["instances"]))
        return brain(endpoint, body)

    world.sagemaker.brain = answer
    return calls


def test_an_answer_that_may_be_larger_than_lambda_returns_is_refused_before_the_model_is_asked(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counted(live)
    monkeypatch.setattr(answer_size, "LAMBDA_BYTES", 2300)
    status, _, problem = call()
    assert (status, problem["type"], asked) == (413, "urn:relearn:problem:answer-too-large", [])
    assert problem["detail"].startswith("the answer to 2 instances may have ")
    assert problem["detail"].endswith("allowed: 2300, which 1 instances stay under")
    assert call({"instances": GOOD["instances"][:1]})[0] == 200


def test_an_endpoint_is_asked_for_no_more_than_it_can_answer(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counted(live)
    monkeypatch.setattr(answer_size, "ENDPOINT_BYTES", 2300)
    status, _, answer = call({"instances": GOOD["instances"] * 2})
    assert (status, asked) == (200, [1, 1, 1, 1])
    assert [one["label"] for one in answer["predictions"]] == ["rose", "tulip"] * 2


def test_a_promotion_takes_effect_within_five_seconds_and_the_route_is_read_no_more_often(
    world: World,
) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    predictor, time = predict.predictor(), [0.0]
    predictor._routes._clock = lambda: time[0]
    request = Request("id", "/", "flowers", "application/json", json.dumps(GOOD).encode())
    assert predictor.predict(request, RequestContext(9))["version"] == 1
    world.send(FLOWERS_CSV, "incoming/flowers/more.csv")
    world.run()
    time[0] = 4.9
    assert predictor.predict(request, RequestContext(9))["version"] == 1
    time[0] = 5.0
    assert predictor.predict(request, RequestContext(9))["version"] == 2


def test_while_the_ledger_can_not_be_read_the_last_known_route_keeps_serving(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call()[0] == 200
    route = predict.predictor()._routes
    route._clock = lambda: 1e9
    monkeypatch.setattr(live.aws, "_ledger", lambda *_: None)  # closes the connection without an answer
    assert call()[0] == 200


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"body": "{"}, 400, "malformed-body"),
        ({"body": ""}, 400, "malformed-body"),
        ({"body": '{"instances": [{"length": NaN, "width": 1}]}'}, 400, "malformed-body"),
        ({"body": '{"instances": [{"length": -Infinity, "width": 1}]}'}, 400, "malformed-body"),
        ({"body": "[" * 100_000}, 400, "malformed-body"),
        ({"body": "no base64!", "isBase64Encoded": True}, 400, "malformed-body"),
        ({"body": "/w==", "isBase64Encoded": True}, 400, "malformed-body"),
        ({"pathParameters": {"model": "trees"}}, 404, "not-found"),
        ({"body": " " * 4_000_001}, 413, "too-large"),
        ({"headers": {"content-type": "text/csv"}}, 415, "unsupported-media-type"),
        ({"headers": {}}, 415, "unsupported-media-type"),
        ({"body": "[]"}, 422, "invalid-instances"),
        ({"body": "1" * 5000}, 422, "invalid-instances"),
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


def refusal(code: str, status: int = 400) -> Behaviour:
    """What SageMaker's runtime sends when it does not ask the model."""
    body = json.dumps({"Message": "secret detail"}).encode()
    return lambda *_: (status, {"x-amzn-ErrorType": code}, body)


@pytest.mark.parametrize(
    ("code", "answered", "status"),
    [
        ("ThrottlingException", 400, 503),
        ("ServiceUnavailable", 503, 503),
        ("ModelNotReadyException", 429, 503),
        ("InternalFailure", 500, 502),
        ("ValidationError", 400, 502),
    ],
)
@pytest.mark.usefixtures("live")
def test_errors_of_sagemaker_are_told_apart(
    local_aws: LocalAWS, code: str, answered: int, status: int
) -> None:
    local_aws.once = [refusal(code, answered)] * 2
    given, headers, problem = call()
    assert given == status
    assert ("retry-after" in headers) == (status == 503)
    assert "secret" not in json.dumps(problem)


@pytest.mark.parametrize(
    "trouble",
    [refusal("ThrottlingException"), refusal("InternalFailure", 500), refusal("", 503), lambda *_: None],
)
@pytest.mark.usefixtures("live")
def test_what_passes_is_tried_once_more(local_aws: LocalAWS, trouble: Behaviour) -> None:
    local_aws.once = [trouble]
    assert call()[0] == 200
    assert local_aws.once == []


@pytest.mark.parametrize("status", [400, 500])
def test_an_error_of_the_model_is_a_bad_gateway_even_when_it_blames_the_request(
    live: World, status: int
) -> None:
    live.sagemaker.brain = lambda _endpoint, _body: (status, {"error": "no"})
    assert call()[0] == 502


@pytest.mark.parametrize(
    ("said", "pointers"),
    [
        (
            b'{"error": "no", "errors": [{"pointer": "/instances/1", "detail": "not finite"}]}',
            ["/instances/1"],
        ),
        (b'{"error": "no", "errors": [{"pointer": "/inst', ["/instances"]),
        (b'{"error": "no", "errors": []}', ["/instances"]),
    ],
    ids=["named", "cut", "unnamed"],
)
def test_what_a_version_has_no_answer_to_is_told_by_the_instance_and_is_no_failure_of_the_model(
    live: World, said: bytes, pointers: list[str]
) -> None:
    live.sagemaker.brain = lambda _endpoint, _body: (422, said)
    status, _, problem = call()
    assert (status, problem["type"]) == (422, "urn:relearn:problem:invalid-instances")
    assert [one["pointer"] for one in problem["errors"]] == pointers


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


@pytest.mark.usefixtures("live")
def test_a_model_that_does_not_answer_in_time_is_a_gateway_timeout(local_aws: LocalAWS) -> None:
    over = threading.Event()

    def never(*_: Any) -> None:
        over.wait(10)

    local_aws.once = [never] * 2
    status, _, problem = call(context=LambdaContext(seconds=prediction.ANSWER_SECONDS + 2))
    over.set()
    assert status == 504
    assert "127.0.0.1" not in json.dumps(problem)
    assert len(local_aws.once) == 1  # it was not asked again


@pytest.mark.usefixtures("live")
def test_a_cold_start_counts_against_what_the_api_waits(local_aws: LocalAWS) -> None:
    """API Gateway waits 30 s from the request's arrival on; a function's own time begins when it has started."""
    over = threading.Event()

    def never(*_: Any) -> None:
        over.wait(20)

    local_aws.once = [never]
    started_after = prediction.API_SECONDS - prediction.ANSWER_SECONDS - 0.3
    arrived = {**EVENT["requestContext"], "timeEpoch": (time.time() - started_after) * 1000}
    status = call(requestContext=arrived, context=LambdaContext(seconds=29.0))[0]
    over.set()
    assert status == 504


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


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def told(line: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Metric to its dimensions."""
    return {
        metric["Name"]: {name: line[name] for name in group["Dimensions"][0]}
        for group in line["_aws"]["CloudWatchMetrics"]
        for metric in group["Metrics"]
    }


@pytest.mark.usefixtures("live")
def test_every_request_is_one_line_with_its_metrics_and_without_its_body(
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    call({"instances": [{"length": 12.345, "width": 1}]})
    (line,) = lines(capsys)
    flowers = {"stage": "test", "model": "flowers"}
    assert told(line) == {
        "Requests": flowers,
        "Latency": flowers,
        "ColdStarts": flowers,
        "Predictions": {**flowers, "version": "1"},
        "ModelLatency": {**flowers, "version": "1"},
    }
    assert (line["request_id"], line["rows"], line["message"]) == ("JKJaXmPLvHcESHA=", 1, "predicted")
    assert 0 < line["ModelLatency"] < line["Latency"]
    assert "12.345" not in json.dumps(line)


@pytest.mark.usefixtures("live")
def test_a_caller_can_not_make_metrics_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    call(pathParameters={"model": "trees"})
    assert lines(capsys)[0]["model"] == "unknown"


@pytest.mark.usefixtures("live")
def test_an_answer_says_where_its_time_went() -> None:
    _, headers, _ = call()
    phases = dict(part.split(";dur=") for part in headers["server-timing"].split(", "))
    assert list(phases) == ["validate", "model", "record", "total"]
    validate, model, record, total = map(float, phases.values())
    assert 0 < validate + model + record <= total


@pytest.mark.usefixtures("live")
def test_a_refused_request_says_where_its_time_went() -> None:
    _, headers, _ = call([])
    assert [part.split(";")[0] for part in headers["server-timing"].split(", ")] == ["validate", "total"]


@pytest.mark.usefixtures("live")
def test_requests_at_the_same_time_get_their_own_answers() -> None:
    def ask(length: int) -> str:
        label: str = call({"instances": [{"length": length, "width": 1}]})[2]["predictions"][0]["label"]
        return label

    with ThreadPoolExecutor(8) as pool:
        labels = list(pool.map(ask, range(60)))
    assert labels == ["rose" if length < 5 else "tulip" for length in range(60)]


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
    assert model["metric"] == {"name": "f1_macro", "better": "higher"}
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


# any body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELD = st.sampled_from(["length", "width", "kind", "length ", ""])
NEARLY = st.fixed_dictionaries({"instances": st.lists(st.dictionaries(FIELD, JSON), max_size=3)})


@examples(150, HealthCheck.function_scoped_fixture)
@given(body=JSON | NEARLY)
def test_any_json_is_answered_or_told_what_is_wrong_with_it(live: World, body: Any) -> None:
    del live
    assert call(body)[0] in (200, 400, 422)


@examples(150, HealthCheck.function_scoped_fixture)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered_or_told_what_is_wrong_with_them(live: World, body: bytes) -> None:
    del live
    assert call(base64.b64encode(body).decode(), isBase64Encoded=True)[0] in (200, 400, 422)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A right body with one thing in it replaced, removed or added."""
    body: Any = json.loads(json.dumps(GOOD))
    target: Any = body
    while isinstance(target, dict | list) and target and draw(st.booleans()):
        inner = target[
            draw(st.sampled_from(list(target) if isinstance(target, dict) else range(len(target))))
        ]
        if not isinstance(inner, dict | list):
            break
        target = inner
    if isinstance(target, dict):
        key = draw(st.sampled_from([*target, "more"]))
        if draw(st.booleans()):
            target.pop(key, None)
        else:
            target[key] = draw(JSON)
    else:
        target.insert(draw(st.integers(0, len(target))), draw(JSON))
    return body


@examples(150, HealthCheck.function_scoped_fixture)
@given(body=mutated())
@pytest.mark.usefixtures("live")
def test_any_mutation_of_a_right_body_is_answered_or_told_what_is_wrong_with_it(body: Any) -> None:
    status, headers, answer = call(body)
    assert status in (200, 400, 422)
    assert (headers["content-type"] == "application/problem+json") == (status != 200)
    assert ("errors" in answer) == (status == 422)
