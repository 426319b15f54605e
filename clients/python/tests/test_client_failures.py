"""What the clients do when the answer is a problem, or there is none."""

from __future__ import annotations

import socket
from typing import Any

import pytest

import relearn_client as rc
from relearn_client import (
    AnswerTimeoutError,
    FieldError,
    InvalidInstancesError,
    ProblemError,
    RelearnClientError,
    Retry,
)
from stub_api import HANG_UP, INSTANCE, STALL, TRICKLE, Ask, Reply, StubApi, Turn, problem

ONCE = Retry(attempts=1)


def predict(client: Any) -> Any:
    return client.predict("iris", [INSTANCE])


@pytest.mark.parametrize("turn", [Reply(429), Reply(502), Reply(503), Reply(504), HANG_UP])
def test_what_may_pass_is_asked_again_under_the_same_key(api: StubApi, ask: Ask, turn: Turn) -> None:
    api.turns = [turn, turn]
    assert ask(predict).version == 3
    assert len(api.asked) == 3
    assert len({asked.headers["idempotency-key"] for asked in api.asked}) == 1
    assert len({asked.body for asked in api.asked}) == 1


@pytest.mark.parametrize("turn", [Reply(503), HANG_UP])
def test_without_a_key_a_prediction_is_asked_for_once(api: StubApi, ask: Ask, turn: Turn) -> None:
    api.turns = [turn]
    with pytest.raises(RelearnClientError):
        ask(lambda client: client.predict("iris", [INSTANCE], repeatable=False))
    assert len(api.asked) == 1
    assert "idempotency-key" not in api.asked[0].headers


def test_a_key_that_is_still_in_use_is_waited_for(api: StubApi, ask: Ask) -> None:
    in_use = Reply(409, problem(409, "idempotency-key-in-use").body, {"retry-after": "0"})
    api.turns = [STALL, in_use]
    assert ask(predict, attempt_seconds=1).version == 3
    assert len({asked.headers["idempotency-key"] for asked in api.asked}) == 1
    assert len(api.asked) >= 3


def test_a_key_that_was_used_for_something_else_is_told_at_once(api: StubApi, ask: Ask) -> None:
    api.turns = [problem(409, "idempotency-key-reused")]
    with pytest.raises(rc.KeyReusedError):
        ask(predict)
    assert len(api.asked) == 1


def test_reading_is_asked_again_too(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(503), HANG_UP]
    assert ask(lambda client: client.model("iris")).name == "iris"
    assert len(api.asked) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_passing_answer_of_the_gateway_is_asked_again_when_it_may_be(
    api: StubApi, ask: Ask, status: int
) -> None:
    passing = Reply(status, {"message": "Internal Server Error"}, {"retry-after": "0"})
    api.turns = [passing]
    assert ask(predict).version == 3
    assert len({asked.headers["idempotency-key"] for asked in api.asked}) == 1
    api.turns = [passing]
    assert ask(lambda client: client.model("iris")).name == "iris"
    assert len(api.asked) == 4
    api.turns = [passing]
    with pytest.raises(ProblemError):
        ask(lambda client: client.predict("iris", [INSTANCE], repeatable=False))
    assert len(api.asked) == 5


@pytest.mark.parametrize("status", [500, 503])
def test_no_pause_is_shorter_than_the_gateway_asks_for(api: StubApi, ask: Ask, status: int) -> None:
    api.turns = [Reply(status, {"message": "Service Unavailable"}, {"retry-after": "30"})]
    with pytest.raises(ProblemError) as caught:
        ask(predict, retry=Retry(max_pause_seconds=20))
    assert (caught.value.attempts, caught.value.retry_after) == (1, 30)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 409, 413, 415, 422, 501])
def test_what_will_be_the_same_again_is_asked_once(api: StubApi, ask: Ask, status: int) -> None:
    api.turns = [Reply(status, {})]
    with pytest.raises(ProblemError) as caught:
        ask(predict)
    assert (caught.value.status, caught.value.attempts) == (status, 1)
    assert len(api.asked) == 1


def test_the_last_problem_is_told_when_all_attempts_failed(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(502), Reply(429), problem(502, "model-failed")]
    with pytest.raises(rc.ModelFailedError) as caught:
        ask(predict, retry=Retry(attempts=3, base_seconds=0.001))
    assert caught.value.attempts == 3
    assert len(api.asked) == 3


def test_a_wait_longer_than_ones_patience_is_told_and_not_waited(api: StubApi, ask: Ask) -> None:
    late = problem(503, "not-serving")
    api.turns = [Reply(503, late.body, {"retry-after": "300"})]
    with pytest.raises(rc.NotServingError, match="ask again in 300 s") as caught:
        ask(predict)
    assert caught.value.retry_after == 300
    assert len(api.asked) == 1


def test_a_wait_longer_than_the_deadline_is_told_and_not_waited(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(503, {}, {"retry-after": "10"})]
    with pytest.raises(rc.ServerError):
        ask(predict, deadline_seconds=9)
    assert len(api.asked) == 1


@pytest.mark.parametrize("turn", [STALL, TRICKLE])
def test_a_server_that_does_not_finish_is_left_at_the_deadline(api: StubApi, ask: Ask, turn: str) -> None:
    api.turns = [turn]
    with pytest.raises(AnswerTimeoutError):
        ask(predict, deadline_seconds=0.5)
    assert api.has_been_asked(1)


def test_an_attempt_that_takes_too_long_is_followed_by_another(api: StubApi, ask: Ask) -> None:
    api.turns = [STALL]
    assert ask(predict, attempt_seconds=1).version == 3
    assert len(api.asked) >= 2


def test_an_api_that_is_not_there_is_asked_as_often_as_allowed(ask: Ask) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(rc.NoAnswerError, match=f"{url} does not answer") as caught:
        ask(predict, url=url)
    assert caught.value.attempts == 4


def test_a_problem_carries_all_that_was_said(api: StubApi, ask: Ask) -> None:
    errors = [{"pointer": "/instances/0/a", "detail": "missing"}, {"pointer": "", "detail": "odd"}]
    api.turns = [problem(422, "invalid-instances", errors=errors)]
    with pytest.raises(InvalidInstancesError) as caught:
        ask(predict)
    error = caught.value
    assert error.errors == (FieldError("/instances/0/a", "missing"), FieldError("", "odd"))
    assert (error.type, error.title) == ("urn:relearn:problem:invalid-instances", "A title")
    assert (error.detail, error.request_id, error.retry_after) == ("A detail", "r-1", None)
    assert str(error) == "422 A title: /instances/0/a: missing; /: odd"


def test_of_many_wrong_fields_the_message_shows_the_first(api: StubApi, ask: Ask) -> None:
    api.turns = [problem(422, "invalid-instances", errors=[{"pointer": "/a", "detail": "odd"}] * 12)]
    with pytest.raises(InvalidInstancesError, match="and 2 more") as caught:
        ask(predict)
    assert len(caught.value.errors) == 12


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (problem(400, "malformed-body"), rc.MalformedBodyError),
        (problem(404, "not-found"), rc.NotFoundError),
        (problem(413, "too-large"), rc.TooLargeError),
        (problem(422, "invalid-parameters"), rc.InvalidParametersError),
        (problem(413, "answer-too-large"), rc.AnswerTooLargeError),
        (problem(502, "model-failed"), rc.ModelFailedError),
        (problem(503, "not-serving"), rc.NotServingError),
        (problem(504, "timeout"), rc.ModelTimeoutError),
        (problem(422, "not-known-yet"), rc.InvalidRequestError),
        (problem(503, "not-known-yet"), rc.ServerError),
        (Reply(401, {"message": "Unauthorized"}), rc.RefusedError),
        (Reply(403, {"message": "Forbidden"}), rc.RefusedError),
        (Reply(404, {"message": "Not Found"}), rc.NotFoundError),
        (Reply(409, {}), rc.ConflictError),
        (Reply(413, b"<html>"), rc.TooLargeError),
        (Reply(429, {"message": "Too Many Requests"}), rc.ThrottledError),
        (Reply(500, b"\xff"), rc.ServerError),
        (Reply(599, ["odd"]), rc.ServerError),
        (Reply(302, b""), ProblemError),
    ],
)
def test_an_error_is_known_by_its_type_or_else_by_its_status(
    api: StubApi, ask: Ask, reply: Reply, expected: type[ProblemError]
) -> None:
    api.turns = [reply]
    with pytest.raises(ProblemError) as caught:
        ask(predict, retry=ONCE)
    assert type(caught.value) is expected


@pytest.mark.parametrize("header", ["x-request-id", "apigw-requestid"])
def test_a_gateways_own_refusal_keeps_its_words_and_request_id(api: StubApi, ask: Ask, header: str) -> None:
    api.turns = [Reply(403, {"message": "Forbidden"}, {header: "g-1"})]
    with pytest.raises(rc.RefusedError) as caught:
        ask(predict)
    assert str(caught.value) == "403 Forbidden: Forbidden"
    assert (caught.value.type, caught.value.request_id) == ("about:blank", "g-1")


@pytest.mark.parametrize("errors", [None, 5, "x", [1], [{"pointer": 1}]])
def test_a_problem_whose_errors_are_odd_is_still_a_problem(api: StubApi, ask: Ask, errors: Any) -> None:
    api.turns = [problem(422, "invalid-instances", errors=errors)]
    with pytest.raises(InvalidInstancesError):
        ask(predict)
