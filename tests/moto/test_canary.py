"""During a canary the route's share of callers is answered by the candidate, and what both do is counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from relearn.traffic import route as routing
from relearn.traffic.route import Route
from relearn.traffic.version_stats import Live
from tests.moto.test_predict import EVENT, call, lines, refusal, told
from tests.support.candidates import CANDIDATE, CHAMPION, behave, by, counted, fail, key_of, try_candidate
from tests.support.records import Queue, keyed
from tests.support.wire import LocalAWS
from tests.support.world import World

HALF = 50


@pytest.fixture
def route(world: World, local_aws: LocalAWS) -> Route:
    """Version 2 answers half of the callers."""
    del local_aws
    return try_candidate(world, weight=HALF)


def test_every_caller_is_answered_by_the_version_of_its_key_which_the_answer_names(route: Route) -> None:
    keys = [f"caller-{number}" for number in range(40)]
    answered = [call(**by(key))[2]["version"] for key in keys]
    assert answered == [routing.choose(route, key) for key in keys]
    assert set(Counter(answered)) == {CHAMPION, CANDIDATE}


def test_without_a_key_a_request_goes_by_its_own_id(route: Route) -> None:
    def ask(request_id: str) -> int:
        context = {**EVENT["requestContext"], "requestId": request_id}
        version: int = call(requestContext=context)[2]["version"]
        return version

    for version in (CHAMPION, CANDIDATE):
        assert ask(key_of(route, version)) == version


def test_the_protocols_other_words_are_split_alike(route: Route) -> None:
    tensor = {"shape": [1], "datatype": "FP64", "data": [3.0]}
    asked = {"inputs": [{"name": name, **tensor} for name in ("length", "width")]}
    for version in (CHAMPION, CANDIDATE):
        found = call(asked, **by(key_of(route, version)), rawPath="/v2/models/flowers/infer")[2]
        assert found["model_version"] == str(version)


# counting


def test_what_each_version_did_is_counted_apart(world: World, route: Route) -> None:
    for version, times in ((CHAMPION, 3), (CANDIDATE, 2)):
        for _ in range(times):
            call(**by(key_of(route, version)))
        found = counted(world, route, version)
        assert (found.requests, found.errors, sum(found.latency.values())) == (times, 0, times)
        assert found.answers == {"rose": times, "tulip": times}


def test_an_answer_that_is_given_again_is_counted_once(world: World, route: Route) -> None:
    headers = {**keyed("a")["headers"], **by(key_of(route, CANDIDATE))["headers"]}
    for _ in range(3):
        assert call(headers=headers)[2]["version"] == CANDIDATE
    assert counted(world, route, CANDIDATE).requests == 1


@pytest.mark.usefixtures("route")
def test_a_request_that_no_version_is_asked_is_not_counted(local_aws: LocalAWS) -> None:
    assert call([])[0] == 422
    assert "UpdateItem" not in {action for action, _ in local_aws.reads}


def test_a_count_that_is_lost_is_told_and_costs_nobody_their_answer(
    world: World, route: Route, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise world.dynamodb.exceptions.ClientError({"Error": {"Code": "AccessDenied"}}, "UpdateItem")

    monkeypatch.setattr(world.dynamodb, "update_item", refuse)
    capsys.readouterr()
    assert call(**by(key_of(route, CANDIDATE)))[0] == 200
    (line,) = lines(capsys)
    assert (line["CountsLost"], told(line)["CountsLost"]) == (1.0, {"stage": "test"})
    assert Queue(world).take()  # the record is sent all the same


# a candidate that fails


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"error": "broken"}),
        (422, {"error": "no", "errors": [{"pointer": "/instances/0", "detail": "not finite"}]}),
        (200, {"predictions": []}),
        (200, {"version": 9, "predictions": []}),
    ],
)
def test_what_the_candidate_fails_is_answered_by_the_champion(
    world: World, route: Route, answer: tuple[int, Any]
) -> None:
    behave(world, CANDIDATE, lambda *_: answer)
    status, _, found = call(**by(key_of(route, CANDIDATE)))
    assert (status, found["version"], len(found["predictions"])) == (200, CHAMPION, 2)
    assert counted(world, route, CANDIDATE) == Live(requests=1, errors=1)
    assert counted(world, route, CHAMPION).requests == 1


def test_a_candidate_whose_endpoint_is_busy_or_gone_has_failed_too(
    world: World, route: Route, local_aws: LocalAWS
) -> None:
    local_aws.once = [refusal("ThrottlingException")] * 2
    assert call(**by(key_of(route, CANDIDATE)))[2]["version"] == CHAMPION
    world.sagemaker.endpoints = {
        name: found for name, found in world.sagemaker.endpoints.items() if not name.endswith("-v2")
    }
    assert call(**by(key_of(route, CANDIDATE)))[2]["version"] == CHAMPION
    assert counted(world, route, CANDIDATE) == Live(requests=2, errors=2)


def test_when_both_fail_both_are_counted(world: World, route: Route) -> None:
    for version in (CHAMPION, CANDIDATE):
        behave(world, version, fail)
    assert call(**by(key_of(route, CANDIDATE)))[0] == 502
    for version in (CHAMPION, CANDIDATE):
        assert counted(world, route, version) == Live(requests=1, errors=1)
