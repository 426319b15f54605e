"""What no operation takes is refused, on every route; and no state of ours answers as raw error text."""

from __future__ import annotations

import base64
import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.handlers import batches, docs, feedback, models, operate, predict, uploads
from lambdas.http import problems as http_problems
from lambdas.http import responses
from relearn import errors
from relearn.api import operations, problems
from relearn.api.operations import Operation
from relearn.errors import ConflictError, FrozenRouteError, IllegalTransitionError, RelearnError
from tests.moto.test_predict import EVENT
from tests.support.world import LambdaContext, World

HANDLERS: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
    "batches": batches.handler,
    "docs": docs.handler,
    "feedback": feedback.handler,
    "models": models.handler,
    "operate": operate.handler,
    "predict": predict.handler,
    "uploads": uploads.handler,
}
STRICT = [operation for operation in operations.OPERATIONS if operation.strict]
TAKING = [
    operation for operation in operations.OPERATIONS if problems.UNSUPPORTED_MEDIA_TYPE in operation.fails
]
OURS = {
    errors.RelearnError,
    errors.SpecError,
    errors.ConfigError,
    errors.DataError,
    errors.ArtifactError,
    errors.ArchiveError,
    errors.InvalidBodyError,
    errors.InvalidLinesError,
    errors.NothingToExcludeError,
    errors.NothingToRetryError,
    errors.QuotaExceededError,
    errors.TooMuchToKeepError,
}
"""What no caller of the API brings about: told without details, and logged."""


def call(
    operation: Operation, query: dict[str, str], body: str | bytes = "", media: str = "application/json"
) -> tuple[int, dict[str, Any]]:
    path = {"model": "flowers", "version": "1", "run": "r", "batch": "b", "upload": "u", "file": "f"}
    context = {
        **EVENT["requestContext"],
        "http": {**EVENT["requestContext"]["http"], "method": operation.method},
    }
    event = {
        **EVENT,
        "routeKey": operation.key,
        "rawPath": operation.path.format(**path),
        "pathParameters": path,
        "queryStringParameters": query,
        "requestContext": context,
        "headers": {**EVENT["headers"], "content-type": media},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }
    answer = HANDLERS[operation.function](event, LambdaContext())
    return answer["statusCode"], {**answer["headers"], **json.loads(answer["body"])}


@pytest.mark.parametrize("operation", STRICT, ids=lambda one: one.id)
def test_a_query_parameter_that_the_operation_does_not_take_is_refused(
    world: World, operation: Operation
) -> None:
    del world
    status, told = call(operation, {"limits": "3", "x\r\ny": "1", "X-Amz-Date": "signed"})
    assert (status, told["content-type"]) == (422, problems.MEDIA_TYPE)
    assert told["type"] == problems.INVALID_PARAMETERS.uri
    allowed = f"unknown; allowed: {', '.join(operation.query) or 'none'}"
    assert told["errors"] == [{"parameter": name, "detail": allowed} for name in ("limits", "x\r\ny")]


def test_every_operation_of_v1_is_strict_and_none_of_the_protocols() -> None:
    assert {operation.path.startswith("/v2") or not operation.described for operation in STRICT} == {False}
    assert all(operation.strict for operation in operations.OPERATIONS if operation.path.startswith("/v1"))


def test_the_inference_protocols_clients_may_send_what_is_not_known(world: World) -> None:
    world.serve("flowers")
    assert call(operations.MODEL_READY, {"verbose": "1"})[0] == 200


def test_a_models_own_routes_take_no_query_parameters_either(world: World) -> None:
    del world
    own = operations.PREDICT.of("flowers")
    status, told = call(own, {"dry_run": "true"})
    assert (status, told["type"]) == (422, problems.INVALID_PARAMETERS.uri)


def test_every_operation_that_takes_a_body_says_that_it_refuses_media_types() -> None:
    assert [one.id for one in TAKING] == [one.id for one in operations.OPERATIONS if one.method != "GET"]


@pytest.mark.parametrize("operation", [*TAKING, operations.PREDICT.of("flowers")], ids=lambda one: one.key)
def test_every_operation_refuses_json_in_another_encoding_said_or_not(
    world: World, operation: Operation
) -> None:
    del world
    media = "application/json; charset=Shift_JIS"
    status, told = call(operation, {}, '{"why": "配達"}'.encode("shift_jis"), media)
    assert (status, told["type"]) == (415, problems.UNSUPPORTED_MEDIA_TYPE.uri)
    assert told["detail"] == "got charset 'shift_jis'; allowed: utf-8, the encoding of JSON"
    for encoding, byte in (("shift_jis", "0x94 at offset 9"), ("utf-16", "0xff at offset 0")):
        status, told = call(operation, {}, '{"why": "配達"}'.encode(encoding))
        assert (status, told["type"]) == (400, problems.MALFORMED_BODY.uri)
        assert told["detail"] == f"the body is not UTF-8: byte {byte}; allowed: UTF-8"


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ('{"rows": [], "a/b": 1}', 422, "invalid-batch"),
        ("[1]", 422, "invalid-batch"),
        ("{", 400, "malformed-body"),
        ("{}", 503, "not-serving"),
        ("", 503, "not-serving"),
    ],
)
def test_a_batch_begins_without_a_body(world: World, body: str, status: int, slug: str) -> None:
    del world
    found, told = call(operations.CREATE_BATCH, {}, body)
    assert (found, told["type"]) == (status, f"urn:relearn:problem:{slug}")
    if "rows" in body:
        assert [error["pointer"] for error in told["errors"]] == ["/rows", "/a~1b"]


@pytest.mark.parametrize(
    "error", [ConflictError("x is written"), IllegalTransitionError("x"), FrozenRouteError("x")]
)
def test_a_state_that_does_not_allow_what_is_asked_is_a_conflict(error: Exception) -> None:
    def answer(_request: Any) -> Any:
        raise error

    told = responses.serve(EVENT, answer)
    assert (told["statusCode"], json.loads(told["body"])["type"]) == (409, problems.CONFLICT.uri)
    assert json.loads(told["body"])["detail"] == str(error)


def test_every_error_that_a_caller_can_bring_about_is_a_problem_of_its_own() -> None:
    ends = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, RelearnError)]
    untold = {one for one in ends if not any(base in http_problems.PROBLEMS for base in one.__mro__)}
    assert untold == OURS


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(28, "No space left on device", "/tmp/secret"),
            "the disk is full: the function's temporary disk; send",
        ),
        (
            OSError(122, "Disk quota exceeded", "/tmp/secret"),
            "the disk is full: the function's temporary disk; send",
        ),
        (
            RuntimeError("write of /tmp/secret: No space left on device"),
            "the disk is full: the function's temporary",
        ),
        (MemoryError(), "the memory is used up: "),
        (OSError(5, "Input/output error", "/tmp/secret"), "Quote the request id"),
        (KeyError("k"), "Quote the request id"),
    ],
)
def test_a_fault_of_the_machine_is_told_in_words_without_its_text(error: Exception, said: str) -> None:
    def answer(_request: Any) -> Any:
        raise error

    told = responses.serve(EVENT, answer)
    assert (told["statusCode"], told["headers"]["content-type"]) == (500, problems.MEDIA_TYPE)
    assert json.loads(told["body"])["type"] == problems.INTERNAL_ERROR.uri
    detail = json.loads(told["body"])["detail"]
    assert detail.startswith(said)
    assert detail.endswith("Quote the request id when you report this.")
    assert not {"secret", "space", "KeyError", "tmp", "28"} & set(re.split(r"\W+", detail))
