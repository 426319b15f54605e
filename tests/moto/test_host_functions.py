"""Asking a host over the network: what Lambda says instead of an answer is told as an endpoint's failures are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lambdas.aws.fast import client
from lambdas.aws.fast.hosts import HostFunctions
from relearn.errors import FieldError, ModelFailedError, NotServingError, UnanswerableError
from tests.support.wire import KEYS, Behaviour, check_signature, serving


@contextmanager
def asked(behaviour: Behaviour) -> Iterator[HostFunctions]:
    with serving(behaviour) as url:
        environ = {"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_LAMBDA": url, **KEYS}
        yield HostFunctions(client.service("lambda", environ), "test")


def test_a_version_is_asked_by_a_signed_call_of_its_models_host() -> None:
    seen: list[tuple[str, object]] = []

    def host(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        check_signature(path, headers, body, "lambda")
        seen.append((path, json.loads(body)))
        return 200, {}, json.dumps({"body": '{"version":8}'}).encode()

    with asked(host) as hosts:
        assert hosts.ask("flowers", 8, '{"note": "é \\" 🌷"}'.encode(), 3).body == b'{"version":8}'
    path = "/2015-03-31/functions/relearn-test-host-flowers/invocations"
    assert seen == [(path, {"version": 8, "body": '{"note": "é \\" 🌷"}'})]


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("TooManyRequestsException", 429, NotServingError),
        ("ServiceException", 500, ModelFailedError),
        ("AccessDeniedException", 403, ModelFailedError),
        ("ResourceNotFoundException", 404, ModelFailedError),
        ("RequestTooLargeException", 413, ModelFailedError),
    ],
)
def test_what_lambda_refuses(code: str, status: int, expected: type[Exception]) -> None:
    with asked(lambda *_: (status, {"x-amzn-ErrorType": code}, b"{}")) as hosts, pytest.raises(expected):
        hosts.ask("flowers", 8, b"{}", 3)


@pytest.mark.parametrize("content", [b'{"errorMessage": "no memory"}', b"null", b"[]", b'"text"'])
def test_a_host_that_failed_has_no_answer(content: bytes) -> None:
    failing = asked(lambda *_: (200, {"x-amz-function-error": "Unhandled"}, content))
    with failing as hosts, pytest.raises(ModelFailedError, match="its log says why"):
        hosts.ask("flowers", 8, b"{}", 3)


def test_what_a_version_has_no_answer_to_is_told_by_the_instance() -> None:
    told = {"unanswerable": [{"pointer": "/instances/2", "detail": "not finite"}]}
    with (
        asked(lambda *_: (200, {}, json.dumps(told).encode())) as hosts,
        pytest.raises(UnanswerableError) as found,
    ):
        hosts.ask("flowers", 8, b"{}", 3)
    assert found.value.errors == (FieldError("/instances/2", "not finite"),)


def test_a_host_that_hangs_up_can_not_be_reached() -> None:
    with asked(lambda *_: None) as hosts, pytest.raises(ModelFailedError, match="cannot be reached"):
        hosts.ask("flowers", 8, b"{}", 3)
