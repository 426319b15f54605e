"""The Open Inference Protocol (V2): the same predictions as /v1, as Triton's own client writes and reads them."""

from __future__ import annotations

import base64
import gzip
import json
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from tritonclient.http import InferInput, InferRequestedOutput, InferResult
from tritonclient.http._utils import _get_inference_request

from lambdas.handlers import models, predict
from relearn.api import operations
from tests.moto.test_predict import EVENT, GOOD, lines, told
from tests.support.examples import examples
from tests.support.records import Queue
from tests.support.world import LambdaContext, World

pytestmark = pytest.mark.usefixtures("local_aws")

LENGTH = "inference-header-content-length"
PROBABILITIES = [[0.5, 0.5]] * 2


def event(operation: operations.Operation, model: str = "flowers", **changes: Any) -> dict[str, Any]:
    path = operation.path.replace("{model}", model)
    asked = {
        **EVENT,
        "routeKey": operation.key,
        "rawPath": path,
        "pathParameters": {"model": model},
        **changes,
    }
    context = {
        **asked["requestContext"],
        "http": {**asked["requestContext"]["http"], "method": operation.method},
    }
    return {**asked, "requestContext": context}


def infer(body: bytes, model: str = "flowers", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as the gateway passes them on: in base64, as their type is not one of text."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    encoded = base64.b64encode(body).decode()
    asked = event(operations.INFER, model, headers=more, body=encoded, isBase64Encoded=True)
    answer = predict.handler(asked, LambdaContext())
    text = answer["body"]
    content = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    return answer["statusCode"], answer["headers"], content


def get(operation: operations.Operation, model: str = "flowers") -> tuple[int, Any]:
    asked = event(operation, model)
    del asked["body"]
    answer = models.handler(asked, LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


def written(
    *outputs: InferRequestedOutput, binary: bool = True, **columns: list[float]
) -> tuple[bytes, dict[str, str]]:
    """Write a request as Triton's client does: its body and headers."""
    columns = columns or {name: [row[name] for row in GOOD["instances"]] for name in ("length", "width")}
    inputs = []
    for name, values in columns.items():
        inputs.append(InferInput(name, [len(values)], "FP32"))
        inputs[-1].set_data_from_numpy(np.array(values, np.float32), binary_data=binary)
    body, size = _get_inference_request(inputs, "7", list(outputs), 0, False, False, 0, None, None)
    return body, {} if size is None else {"inference_header_content_length": str(size)}


def read(answer: tuple[int, dict[str, str], bytes]) -> InferResult:
    status, headers, body = answer
    assert status == 200, body
    return InferResult.from_response_body(body, header_length=headers.get(LENGTH))


def problem(answer: tuple[int, dict[str, str], bytes]) -> Any:
    status, headers, body = answer
    told = json.loads(body)
    assert headers["content-type"] == "application/problem+json"
    assert told["status"] == status
    assert told["error"] == told["detail"]
    return told


@pytest.fixture
def live(world: World) -> World:
    """A stage where the flowers model serves version 1."""
    world.serve("flowers")
    return world


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("binary", [True, False])
def test_the_champion_answers_in_tensors(binary: bool) -> None:  # noqa: FBT001
    body, headers = written(binary=binary)
    result = read(infer(body, **headers))
    response = result.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == ("flowers", "1", "7")
    assert list(result.as_numpy("label")) == [b"rose", b"tulip"]
    np.testing.assert_array_equal(result.as_numpy("probabilities"), np.array(PROBABILITIES, np.float32))


@pytest.mark.usefixtures("live")
def test_the_model_is_asked_what_predict_would_ask_it(live: World) -> None:
    asked: list[Any] = []
    brain = live.sagemaker.brain
    live.sagemaker.brain = lambda endpoint, body: (asked.append(body), brain(endpoint, body))[1]  # type: ignore[func-returns-value]
    body, headers = written(length=[5.1, 6.3], width=[0.2, 1.0])
    read(infer(body, **headers))
    assert asked == [{"instances": [{"length": 5.1, "width": 0.2}, {"length": 6.3, "width": 1.0}]}]


@pytest.mark.usefixtures("live")
def test_outputs_come_as_they_are_asked_for() -> None:
    body, headers = written(
        InferRequestedOutput("probabilities", binary_data=False),
        InferRequestedOutput("label", binary_data=True),
    )
    status, given_headers, content = infer(body, **headers)
    assert given_headers["content-type"] == "application/octet-stream"
    assert given_headers["cache-control"] == "no-store"
    outputs = json.loads(content[: int(given_headers[LENGTH])])["outputs"]
    assert [output["name"] for output in outputs] == ["probabilities", "label"]
    assert outputs[0]["data"] == [0.5] * 4
    assert list(read((status, given_headers, content)).as_numpy("label")) == [b"rose", b"tulip"]


@pytest.mark.usefixtures("live")
def test_an_answer_without_binary_outputs_is_json() -> None:
    body, headers = written(InferRequestedOutput("label", binary_data=False))
    _, given_headers, content = infer(body, **headers)
    assert given_headers["content-type"] == "application/json"
    assert LENGTH not in given_headers
    assert json.loads(content)["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["rose", "tulip"]}
    ]


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("media", ["application/json", "application/octet-stream", "Application/JSON; x=y"])
def test_the_protocols_media_types_are_taken(media: str) -> None:
    body, headers = written()
    assert infer(body, **headers, content_type=media)[0] == 200


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_body_may_be_packed(coding: str, pack: Any) -> None:
    body, headers = written()
    assert infer(pack(body), **headers, content_encoding=coding)[0] == 200


@pytest.mark.usefixtures("live")
def test_a_request_packed_anew_gets_the_answer_that_its_key_has() -> None:
    body, headers = written()
    key = {**headers, "idempotency_key": "k", "content_encoding": "gzip"}
    first, second = (infer(gzip.compress(body, mtime=time), **key) for time in (1, 2))
    assert first[2] == second[2]
    assert second[1]["idempotency-replayed"] == "true"


@pytest.mark.usefixtures("live")
def test_a_key_belongs_to_what_was_asked_in_either_way_of_asking() -> None:
    body, headers = written()
    assert infer(body, **headers, idempotency_key="k")[0] == 200
    asked = {**EVENT, "body": json.dumps(GOOD), "headers": {**EVENT["headers"], "idempotency-key": "k"}}
    assert predict.handler(asked, LambdaContext())["statusCode"] == 409


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("body", "headers", "status", "slug"),
    [
        (b"", {}, 400, "malformed-body"),
        (b"{", {}, 400, "malformed-body"),
        (b"[" * 100_000, {}, 400, "malformed-body"),
        (b"\xff", {}, 400, "malformed-body"),
        (b"{}", {"inference_header_content_length": "3"}, 400, "malformed-body"),
        (b"{}", {"inference_header_content_length": "-1"}, 400, "malformed-body"),
        (b"{}", {"inference_header_content_length": "1" * 5000}, 400, "malformed-body"),
        (b"{}", {"inference_header_content_length": "0"}, 400, "malformed-body"),
        (b"{}", {"content_encoding": "gzip"}, 400, "malformed-body"),
        (gzip.compress(b"{}")[:-1], {"content_encoding": "gzip"}, 400, "malformed-body"),
        (gzip.compress(b"{}") + b"x", {"content_encoding": "gzip"}, 400, "malformed-body"),
        (b" " * 4_000_001, {}, 413, "too-large"),
        (gzip.compress(b" " * 4_000_001), {"content_encoding": "gzip"}, 413, "too-large"),
        (b"{}", {"content_type": "text/csv"}, 415, "unsupported-media-type"),
        (b"{}", {"content_encoding": "br"}, 415, "unsupported-media-type"),
        (b"{}", {"idempotency_key": ""}, 400, "invalid-idempotency-key"),
        (b"{}", {}, 422, "invalid-instances"),
    ],
    ids=range(17),
)
def test_every_bad_request_is_a_problem_of_its_own_kind(
    live: World, body: bytes, headers: dict[str, str], status: int, slug: str
) -> None:
    told = problem(infer(body, **headers))
    assert (told["status"], told["type"]) == (status, f"urn:relearn:problem:{slug}")
    assert told["instance"] == "/v2/models/flowers/infer"
    assert "InvokeEndpoint" not in live.sagemaker.calls


@pytest.mark.usefixtures("live")
def test_a_wrong_value_is_pointed_at_in_its_tensor() -> None:
    body, headers = written(length=[1, 101, float("nan")], width=[1, 1, -1])
    told = problem(infer(body, **headers))
    assert [(error["pointer"], error["detail"]) for error in told["errors"]] == [
        ("/inputs/0/data/1", "got 101.0; allowed: at most 100"),
        ("/inputs/0/data/2", "got nan; allowed: a finite number"),
        ("/inputs/1/data/2", "got -1.0; allowed: at least 0"),
    ]


@pytest.mark.usefixtures("live")
def test_an_unknown_model_and_one_that_waits_are_told() -> None:
    body, headers = written()
    assert problem(infer(body, "trees", **headers))["error"] == "no model 'trees'; there are: flowers, prices"
    status, given_headers, _ = answer = infer(*_price())
    assert (status, given_headers["retry-after"]) == (503, "300")
    assert problem(answer)["error"] == "no version of prices serves yet; it waits for: the first upload"


def _price() -> tuple[bytes, str]:
    area = {"name": "area", "datatype": "INT64", "shape": [1, 1], "data": [[50]]}
    return json.dumps({"inputs": [area]}).encode(), "prices"


def test_a_regression_answers_with_values(world: World) -> None:
    world.serve("prices")
    result = read(infer(*_price()))
    assert result.as_numpy("value").shape == (1,)
    assert result.get_output("value")["datatype"] == "FP32"


@pytest.mark.usefixtures("live")
def test_a_model_that_fails_is_a_bad_gateway(live: World) -> None:
    live.sagemaker.brain = lambda _endpoint, _body: (500, {"error": "secret"})
    body, headers = written()
    told = problem(infer(body, **headers))
    assert told["status"] == 502
    assert "secret" not in json.dumps(told)


@pytest.mark.parametrize(
    ("said", "pointer"),
    [("/instances/0/length", "/inputs/0/data/0"), ("/instances/0", "/inputs"), ("/instances", "/inputs")],
)
def test_what_a_version_has_no_answer_to_is_pointed_at_in_the_tensors(
    live: World, said: str, pointer: str
) -> None:
    told = {"error": "no", "errors": [{"pointer": said, "detail": "not finite"}]}
    live.sagemaker.brain = lambda _endpoint, _body: (422, told)
    body, headers = written(length=[1.0], width=[1.0])
    found = problem(infer(body, **headers))
    assert (found["status"], [one["pointer"] for one in found["errors"]]) == (422, [pointer])


@pytest.mark.usefixtures("live")
def test_it_is_counted_and_timed_as_any_prediction(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    body, headers = written(length=[12.25], width=[1])
    _, given_headers, _ = infer(body, **headers)
    (line,) = lines(capsys)
    assert set(told(line)) >= {"Requests", "Latency", "Predictions", "ModelLatency"}
    assert (line["model"], line["version"], line["rows"]) == ("flowers", "1", 1)
    assert "12.25" not in json.dumps(line)
    phases = [part.split(";")[0] for part in given_headers["server-timing"].split(", ")]
    assert phases == ["validate", "model", "record", "total"]


def test_its_predictions_have_ids_and_leave_one_record_as_any(live: World) -> None:
    body, headers = written()
    ids = [one.decode() for one in read(infer(body, **headers)).as_numpy("prediction_id")]
    (text,) = Queue(live).take()
    record = json.loads(text)
    assert ids == [f"{record['id']}-0", f"{record['id']}-1"]
    assert record["inputs"] == GOOD["instances"]
    assert [output["label"] for output in record["outputs"]] == ["rose", "tulip"]


@pytest.mark.usefixtures("live")
def test_predict_alone_does_not_load_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name
        for name in sys.modules
        if name.startswith(("lambdas.serving.open_inference", "relearn.api.open_inference"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    assert predict.handler(EVENT, LambdaContext())["statusCode"] == 200
    assert "lambdas.serving.open_inference" not in sys.modules


# what there is, and whether it answers


@pytest.mark.usefixtures("live")
def test_the_server_says_what_it_is_and_that_it_is_there() -> None:
    status, server = get(operations.SERVER_METADATA)
    assert (status, server["name"], server["extensions"]) == (200, "relearn", ["binary_tensor_data"])
    assert get(operations.SERVER_LIVE) == (200, {"live": True})


@pytest.mark.usefixtures("live")
def test_a_model_is_described_whether_it_serves_or_not() -> None:
    status, described = get(operations.MODEL_METADATA, "prices")
    assert status == 200
    assert described["inputs"][0] == {"name": "area", "datatype": "FP32", "shape": [-1]}
    status, told = get(operations.MODEL_METADATA, "trees")
    assert (status, told["error"]) == (404, "no model 'trees'; there are: flowers, prices")


@pytest.mark.usefixtures("live")
def test_a_model_is_ready_once_a_version_serves() -> None:
    assert get(operations.MODEL_READY) == (200, {"name": "flowers", "ready": True})
    status, told = get(operations.MODEL_READY, "prices")
    assert (status, told["error"]) == (503, "no version of prices serves yet; it waits for: the first upload")
    assert get(operations.MODEL_READY, "trees")[0] == 404


def test_the_server_is_ready_once_all_models_are(world: World) -> None:
    world.serve("flowers")
    status, told = get(operations.SERVER_READY)
    assert (status, told["error"]) == (503, "prices waits for: the first upload")
    world.serve("prices")
    assert get(operations.SERVER_READY) == (200, {"live": True, "ready": True})


def test_a_path_that_the_protocol_has_and_we_have_not_is_told_its_way() -> None:
    asked = {
        **event(operations.MODEL_METADATA),
        "routeKey": operations.DEFAULT,
        "rawPath": "/v2/models/flowers/config",
    }
    answer = models.handler(asked, LambdaContext())
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"].startswith("no operation has this path")


# any body


@examples(150, HealthCheck.function_scoped_fixture)
@given(
    at=st.integers(0, 400),
    drop=st.integers(0, 9),
    insert=st.binary(max_size=9),
    size=st.integers(-9, 9),
)
@pytest.mark.usefixtures("live")
def test_any_change_of_a_right_request_is_answered_or_told_what_is_wrong_with_it(
    at: int, drop: int, insert: bytes, size: int
) -> None:
    body, headers = written()
    length = str(int(headers["inference_header_content_length"]) + size)
    status, given_headers, _ = infer(
        body[:at] + insert + body[at + drop :], inference_header_content_length=length
    )
    assert status in (200, 400, 422)
    assert (given_headers["content-type"] == "application/problem+json") == (status != 200)


@examples(100, HealthCheck.function_scoped_fixture)
@given(
    body=st.binary(max_size=200),
    coding=st.sampled_from(["identity", "gzip", "deflate"]),
    length=st.none() | st.text(max_size=4) | st.integers(0, 200).map(str),
)
@pytest.mark.usefixtures("live")
def test_any_bytes_are_told_what_is_wrong_with_them(body: bytes, coding: str, length: str | None) -> None:
    headers = {} if length is None else {"inference_header_content_length": length}
    assert problem(infer(body, **headers, content_encoding=coding))["status"] in (400, 422)
