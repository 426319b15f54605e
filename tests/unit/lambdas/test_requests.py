"""A request as the gateway hands it over, who sent it, and the form of every answer."""

from __future__ import annotations

import base64
import json
import logging
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.handlers import lifecycle
from lambdas.http import request as http_request
from lambdas.http import responses
from lambdas.http.request import (
    InvalidCallerKeyError,
    InvalidParametersError,
    MalformedBodyError,
    MediaTypeError,
    Request,
    TooLargeError,
    read_sticky_key,
)
from lambdas.runtime import catalog
from lambdas.runtime import logging as logs
from lambdas.runtime.config import Config
from lambdas.serving import open_inference, readiness
from relearn.errors import FieldError, InvalidChangeError, NotFoundError, NotServingError
from relearn.naming.environment import Variable
from relearn.spec import codec
from relearn.traffic.route import Route
from tests.support.models import FLOWERS, PRICES, SAMPLES

PREDICT = "POST /v1/models/{model}/predict"


def event(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "routeKey": PREDICT,
        "rawPath": "/v1/models/flowers/predict",
        "headers": {"Content-Type": "application/json"},
        "requestContext": {"http": {"method": "POST"}, "requestId": "id-1"},
        "pathParameters": {"model": "flowers"},
        "body": '{"a": 1}',
    }
    return found | changes


def authorized(**authorizer: Any) -> Request:
    context = {**event()["requestContext"], "authorizer": authorizer}
    return http_request.parse_event(event(requestContext=context))


# reading it


def test_a_request_is_read_as_the_gateway_hands_it_over() -> None:
    found = http_request.parse_event(
        event(queryStringParameters={"limit": "3"}, headers={"X-A": "b", "Content-Type": "x"})
    )
    assert found == Request(
        id="id-1",
        path="/v1/models/flowers/predict",
        model="flowers",
        content_type="x",
        body=b'{"a": 1}',
        method="POST",
        route=PREDICT,
        parameters={"model": "flowers"},
        query={"limit": "3"},
        headers={"x-a": "b", "content-type": "x"},
    )


def test_a_request_without_anything_optional_is_read_too() -> None:
    given = event(headers=None, pathParameters=None, body=None)
    found = http_request.parse_event(given)
    assert (found.model, found.content_type, found.body, found.query, found.caller) == (None, "", b"", {}, "")


def test_a_body_in_base64_is_read_as_the_bytes_that_were_sent() -> None:
    sent = "\ufffd".encode()
    found = http_request.parse_event(event(body=base64.b64encode(sent).decode(), isBase64Encoded=True))
    assert found.body == sent
    with pytest.raises(MalformedBodyError, match=r"^the body cannot be decoded$"):
        http_request.parse_event(event(body="%%%", isBase64Encoded=True))


def test_a_body_in_which_the_gateway_replaced_bytes_is_refused() -> None:
    with pytest.raises(MalformedBodyError, match=r"^the body is not UTF-8, or holds the character U\+FFFD"):
        http_request.parse_event(event(body='{"a": "\ufffd"}'))


@pytest.mark.parametrize("name", ["application/json", "Application/JSON ; charset=utf-8"])
def test_the_media_type_is_read_without_its_parameters(name: str) -> None:
    request = http_request.parse_event(event(headers={"content-type": name}))
    assert (request.media, request.json()) == ("application/json", {"a": 1})


def test_a_body_is_json_no_larger_than_allowed() -> None:
    with pytest.raises(MediaTypeError, match=r"^got content type 'text/csv'; allowed: application/json$"):
        http_request.parse_event(event(headers={"content-type": "text/csv"})).json()
    most = http_request.MAX_BODY_BYTES
    fits = http_request.parse_event(event(body='"' + "x" * (most - 2) + '"'))
    assert len(fits.json()) == most - 2
    with pytest.raises(TooLargeError, match=rf"^got {most + 1} bytes; allowed: {most}$"):
        http_request.parse_event(event(body='"' + "x" * (most - 1) + '"')).json()


# who sent it


def test_a_caller_is_who_signed_or_the_subject_of_the_token() -> None:
    assert authorized(iam={"userArn": "arn:aws:iam::1:user/ann"}).caller == "arn:aws:iam::1:user/ann"
    assert authorized(jwt={"claims": {"sub": "ann"}}).caller == "ann"
    assert authorized(iam=None, jwt=None).caller == ""
    assert authorized(jwt={"claims": None}).caller == ""


def test_what_is_kept_for_a_caller_is_kept_under_who_signed_or_whose_token_it_is() -> None:
    signed = authorized(iam={"userArn": "arn", "cognitoIdentity": {"identityId": "c1"}})
    assert signed.principal == '["iam", "arn", "c1"]'
    assert authorized(iam={"userArn": "arn"}).principal == '["iam", "arn", null]'
    assert (
        authorized(jwt={"claims": {"iss": "i", "sub": "s", "client_id": "c"}}).principal
        == '["jwt", "i", "s"]'
    )
    assert authorized(jwt={"claims": {"iss": "i", "client_id": "c"}}).principal == '["jwt", "i", "c"]'
    assert authorized().principal == ""


def test_a_token_without_a_subject_is_told_apart_by_all_that_does_not_change_with_it() -> None:
    first = authorized(jwt={"claims": {"iss": "i", "scope": "a", "exp": "1", "iat": "2", "jti": "3"}})
    later = authorized(jwt={"claims": {"iss": "i", "scope": "a", "exp": "4", "iat": "5", "jti": "6"}})
    other = authorized(jwt={"claims": {"iss": "i", "scope": "b", "exp": "1", "iat": "2", "jti": "3"}})
    assert first.principal == later.principal == '["jwt", "i", [["iss", "i"], ["scope", "a"]]]'
    assert other.principal != first.principal


@pytest.mark.parametrize("given", ["k", " k ", "x" * 256, "!~"])
def test_a_callers_key_is_visible_ascii(given: str) -> None:
    assert read_sticky_key({"x-relearn-key": given}) == given.strip()


def test_a_request_need_not_have_a_key() -> None:
    assert read_sticky_key({"x-other": "k"}) is None


@pytest.mark.parametrize("given", ["", " ", "a b", "é", "x" * 257])
def test_what_is_no_key_of_a_caller_is_refused_with_what_is(given: str) -> None:
    with pytest.raises(InvalidCallerKeyError) as caught:
        read_sticky_key({"x-relearn-key": given})
    said = str(caught.value)
    assert said.startswith("got X-Relearn-Key ")
    assert said.endswith("; allowed: 1 to 256 visible ASCII characters")
    assert "got X-Relearn-Key None" not in said


# parameters


def test_a_parameter_that_an_operation_does_not_take_is_named() -> None:
    with pytest.raises(InvalidParametersError, match=r"^limit: unknown; allowed: none$") as caught:
        http_request.refuse_unknown(http_request.parse_event(event(queryStringParameters={"limit": "3"})))
    assert caught.value.errors == {"limit": "unknown; allowed: none"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"queryStringParameters": {"X-Amz-Signature": "s"}},
        {"queryStringParameters": {"a": "b"}, "routeKey": "$default"},
        {"queryStringParameters": {"a": "b"}, "rawPath": "/v2/models/flowers"},
        {"queryStringParameters": {"a": "b"}, "routeKey": "GET /v1/models/{model}/runs"},
    ],
)
def test_parameters_that_are_read_or_mean_nothing_here_are_let_be(changes: dict[str, Any]) -> None:
    http_request.refuse_unknown(http_request.parse_event(event(**changes)))


def test_the_parameters_that_are_taken_are_listed() -> None:
    assert http_request.unknown({"a": "1", "limit": "2"}, ("limit", "cursor")) == {
        "a": "unknown; allowed: limit, cursor"
    }


@pytest.mark.parametrize(("path", "is_v2"), [("/v2", True), ("/v2/x", True), ("/v22", False), ("/v1", False)])
def test_the_open_inference_protocol_is_told_by_its_path(path: str, *, is_v2: bool) -> None:
    assert http_request.is_v2(path) is is_v2


# encodings


def test_another_encoding_than_utf_8_is_refused() -> None:
    latin = event(headers={"content-type": "application/json; charset=latin-1"})
    with pytest.raises(
        MediaTypeError, match=r"^got charset 'latin-1'; allowed: utf-8, the encoding of JSON$"
    ):
        http_request.refuse_encoding(http_request.parse_event(latin))
    broken = event(body=base64.b64encode(b'"\xff"').decode(), isBase64Encoded=True)
    with pytest.raises(
        MalformedBodyError, match=r"^the body is not UTF-8: byte 0xff at offset 1; allowed: UTF-8$"
    ):
        http_request.refuse_encoding(http_request.parse_event(broken))


@pytest.mark.parametrize("changes", [{"body": ""}, {"routeKey": "$default"}])
def test_what_has_no_body_to_read_has_no_encoding(changes: dict[str, Any]) -> None:
    given = event(headers={"content-type": "application/json; charset=latin-1"}, **changes)
    http_request.refuse_encoding(http_request.parse_event(given))


# answering it


def test_an_answer_is_json_that_nobody_keeps() -> None:
    assert responses.serve(event(), lambda request: {"id": request.id, "b": [1, 2]}) == {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "cache-control": "no-store", "x-request-id": "id-1"},
        "body": '{"id":"id-1","b":[1,2]}',
    }


def test_content_is_sent_as_it_is() -> None:
    content = responses.Content(b"\x00\x01", {"content-type": "image/png"})
    assert responses.serve(event(), lambda _: content) == {
        "statusCode": 200,
        "headers": {"x-request-id": "id-1", "content-type": "image/png"},
        "body": "AAE=",
        "isBase64Encoded": True,
    }


def test_an_error_is_a_problem_with_the_requests_id() -> None:
    def refuse(_: Request) -> None:
        raise NotFoundError("no model 'x'; there are: flowers")

    found = responses.serve(event(), refuse)
    assert (found["statusCode"], found["headers"]["content-type"]) == (404, "application/problem+json")
    assert (found["headers"]["x-request-id"], found["headers"]["cache-control"]) == ("id-1", "no-store")
    assert json.loads(found["body"])["detail"] == "no model 'x'; there are: flowers"


def test_a_refusal_is_logged_by_its_class_and_status(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_: Request) -> None:
        raise NotFoundError("no model 'x'; there are: flowers")

    with caplog.at_level(logging.INFO):
        responses.serve(event(), refuse)
    (record,) = caplog.records
    assert record.getMessage() == "request id-1: NotFoundError"
    assert record.__dict__["status"] == 404


def test_what_is_wrong_with_a_request_is_told_before_it_is_answered() -> None:
    for wrong in (
        event(queryStringParameters={"a": "b"}),
        event(headers={"content-type": "application/json; charset=latin-1"}),
    ):
        found = responses.serve(wrong, lambda _: pytest.fail("it was answered"))
        assert found["statusCode"] in {415, 422}


def test_an_event_that_is_none_of_the_gateways_gets_a_problem_too() -> None:
    found = responses.serve({}, lambda _: None)
    assert (found["statusCode"], found["headers"]["x-request-id"]) == (500, "")


# settings, models, logs


def test_settings_are_those_of_the_process_unless_others_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "prod")
    assert Config.from_env().need(Variable.STAGE) == "prod"
    assert Config.from_env({"STAGE": "dev"}).need(Variable.STAGE) == "dev"
    assert "STAGE" not in Config.from_env({}).values


@pytest.fixture
def known(tmp_path: Path) -> catalog.Catalog:
    models = {
        spec.name: {"spec": codec.to_dict(spec), "sample": SAMPLES[spec.name]} for spec in (PRICES, FLOWERS)
    }
    (tmp_path / "catalog.json").write_text(json.dumps({"models": models}))
    return catalog.load(tmp_path)


def test_the_models_are_those_of_the_catalog(known: catalog.Catalog, tmp_path: Path) -> None:
    assert list(known.specs) == ["flowers", "prices"]
    assert (known.spec("flowers"), known.samples["prices"]) == (FLOWERS, SAMPLES["prices"])
    assert known.seeds("flowers") == {"main": tmp_path / "seeds" / "flowers" / "main.csv"}


def test_a_model_that_is_not_there_is_told_with_those_that_are(known: catalog.Catalog) -> None:
    with pytest.raises(NotFoundError, match=r"^no model 'iris'; there are: flowers, prices$"):
        known.spec("iris")
    with pytest.raises(NotFoundError, match=r"^no model 'iris'; there are: none$"):
        catalog.Catalog({}, {}, Path()).spec("iris")


def test_the_runtimes_handlers_write_json_and_botocore_speaks_only_of_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, botocore, handler = logging.getLogger(), logging.getLogger("botocore"), logging.StreamHandler()
    levels = root.level, botocore.level
    monkeypatch.setattr(root, "handlers", [handler])
    try:
        logs.configure()
        made = handler.formatter
        logs.configure()
        assert isinstance(made, logs.JsonFormatter)
        assert handler.formatter is made
        assert (root.level, botocore.level) == (logging.INFO, logging.WARNING)
    finally:
        root.setLevel(levels[0])
        botocore.setLevel(levels[1])


def test_a_line_of_the_log_has_its_time_level_logger_and_message() -> None:
    record = logging.LogRecord("lambdas.x", logging.WARNING, "x.py", 1, "no %s", ("model",), None)
    line = json.loads(logs.JsonFormatter().format(record))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", line["time"])
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "lambdas.x", "no model")


# problems


@pytest.mark.parametrize(
    ("errors", "detail"),
    [
        ([FieldError("/a", "wrong")], "/a: wrong"),
        ([FieldError("", "wrong"), FieldError("/b", "bad"), FieldError("/c", "bad")], "/: wrong; and 2 more"),
    ],
)
def test_a_problem_tells_the_first_wrong_value_and_how_many_more_there_are(
    errors: list[FieldError], detail: str
) -> None:
    def refuse(_: Request) -> None:
        raise InvalidChangeError(tuple(errors))

    assert json.loads(responses.serve(event(), refuse)["body"])["detail"] == detail


def test_a_body_of_another_media_type_is_refused_with_those_that_are_taken() -> None:
    given = http_request.parse_event(event(headers={"content-type": "text/csv"}))
    with pytest.raises(
        MediaTypeError,
        match=r"^got content type 'text/csv'; allowed: application/json, application/octet-stream$",
    ):
        open_inference._unpacked(given)


def test_a_body_packed_in_another_way_is_refused_with_those_that_are_taken() -> None:
    given = http_request.parse_event(event(headers={"content-type": "", "content-encoding": "br"}))
    with pytest.raises(
        MediaTypeError, match=r"^got content encoding 'br'; allowed: (gzip, deflate|deflate, gzip)$"
    ):
        open_inference._unpacked(given)


# readiness


def test_a_model_without_a_version_says_when_to_ask_again() -> None:
    ledger = create_autospec(Ledger, instance=True)
    ledger.route.side_effect = lambda name: {"flowers": Route(champion=1), "iris": Route()}[name]
    ledger.latest_run.return_value, ledger.uploads.return_value = None, []
    assert readiness.model(ledger, "flowers") == {"name": "flowers", "ready": True}
    assert readiness.server(ledger, ["flowers"]) == {"live": True, "ready": True}
    with pytest.raises(NotServingError, match=r"^iris waits for: the first upload$") as caught:
        readiness.server(ledger, ["flowers", "iris"])
    assert caught.value.retry_after_seconds == 300


# CloudFormation


def test_cloudformation_hears_what_came_of_a_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sent: list[tuple[Any, int]] = []

    def opened(request: Any, timeout: int) -> Any:
        sent.append((request, timeout))
        return nullcontext()

    monkeypatch.setattr("urllib.request.urlopen", opened)
    asked = {"ResponseURL": "https://s3/x", "StackId": "s", "RequestId": "r", "LogicalResourceId": "Setup"}
    lifecycle.answer(asked, "FAILED", "no room", {"Seeded": "iris"})
    ((request, timeout),) = sent
    assert (request.full_url, request.get_method(), timeout > 0) == ("https://s3/x", "PUT", True)
    assert json.loads(request.data) == {
        "Status": "FAILED",
        "Reason": "no room",
        "PhysicalResourceId": "Setup-lifecycle",
        "StackId": "s",
        "RequestId": "r",
        "LogicalResourceId": "Setup",
        "Data": {"Seeded": "iris"},
    }
    assert caplog.messages == ["answered CloudFormation: FAILED no room"]
    lifecycle.answer({**asked, "PhysicalResourceId": "old"}, "SUCCESS", "", {})
    again = json.loads(sent[1][0].data)
    assert (again["PhysicalResourceId"], again["Reason"], again["Data"]) == ("old", "done", {})


def test_cloudformation_is_answered_by_http_alone() -> None:
    with pytest.raises(ValueError, match=r"^ResponseURL: got 'file:///x'; allowed: an http or https URL$"):
        lifecycle.answer({"ResponseURL": "file:///x"}, "SUCCESS", "", {})
