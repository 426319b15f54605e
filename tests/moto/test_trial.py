"""A shadowed candidate is asked what the champion has answered; no caller waits for it, or can tell."""

from __future__ import annotations

import json

import pytest

from lambdas.handlers import trial
from relearn.traffic import shadow_requests
from relearn.traffic.route import Route
from relearn.traffic.shadow_requests import Trial
from relearn.traffic.version_stats import Live
from tests.moto.test_predict import GOOD, call, lines, told
from tests.support.candidates import CANDIDATE, CHAMPION, behave, by, counted, fail, key_of, try_candidate
from tests.support.records import Queue
from tests.support.wire import LocalAWS
from tests.support.world import LambdaContext, World

TULIPS = (200, {"predictions": [{"label": "tulip", "probabilities": {"rose": 0.25, "tulip": 0.75}}] * 2})


@pytest.fixture
def route(world: World, local_aws: LocalAWS) -> Route:
    """Version 2 is shadowed."""
    del local_aws
    return try_candidate(world, shadow=True)


@pytest.fixture
def waiting(world: World) -> Queue:
    return Queue(world, "trials")


def carry_out(*bodies: str) -> list[str]:
    """Deliver messages as one batch; give the ids of those that failed."""
    messages = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    answer = trial.handler({"Records": messages}, LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


# what predict sends


def test_every_request_is_answered_by_the_champion_whatever_its_key(route: Route) -> None:
    assert {call(**by(f"caller-{number}"))[2]["version"] for number in range(20)} == {CHAMPION}
    del route


def test_an_answer_sends_a_copy_of_what_was_asked_and_answered(route: Route, waiting: Queue) -> None:
    answer = call()[2]
    (body,) = waiting.take()
    found = shadow_requests.parse_message(body)
    assert (found.model, found.revision, found.candidate, found.champion) == ("flowers", route.revision, 2, 1)
    assert found.instances == GOOD["instances"]
    assert found.predictions == [
        {name: value for name, value in one.items() if name != "id"} for one in answer["predictions"]
    ]
    assert found.milliseconds > 0


@pytest.mark.usefixtures("route")
def test_the_candidate_is_not_asked_before_the_answer(world: World) -> None:
    asked: list[str] = []
    usual = world.sagemaker.brain
    world.sagemaker.brain = lambda endpoint, body: (asked.append(endpoint), usual(endpoint, body))[1]  # type: ignore[func-returns-value]
    call()
    assert [endpoint.rpartition("-")[2] for endpoint in asked] == ["v1"]


def test_a_copy_that_is_too_large_is_left_out_and_told(
    world: World, route: Route, waiting: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    rows = [{"length": 1.2345678901234567, "width": 1.2345678901234567}] * 1000
    behave(
        world,
        CHAMPION,
        lambda *_: (
            200,
            {
                "predictions": [
                    {
                        "label": "rose",
                        "probabilities": {"rose": 0.12345678901234567, "tulip": 1 / 3} | {"x" * 90: 0.1},
                    }
                ]
                * 1000
            },
        ),
    )
    assert call({"instances": rows})[0] == 200
    assert waiting.take() == []
    (line,) = lines(capsys)
    assert (line["TrialsSkipped"], told(line)["TrialsSkipped"]) == (1.0, {"stage": "test"})
    assert counted(world, route, CHAMPION).requests == 1


@pytest.mark.usefixtures("route")
def test_a_copy_that_can_not_be_sent_costs_nobody_their_answer(
    world: World, capsys: pytest.CaptureFixture[str], waiting: Queue
) -> None:
    del waiting
    world.sqs.delete_queue(QueueUrl=world.sqs.get_queue_url(QueueName="trials")["QueueUrl"])
    capsys.readouterr()
    assert call()[0] == 200
    assert lines(capsys)[0]["CountsLost"] == 1.0


def test_a_request_that_the_champion_fails_is_counted_and_not_copied(
    world: World, route: Route, waiting: Queue
) -> None:
    behave(world, CHAMPION, fail)
    assert call()[0] == 502
    assert waiting.take() == []
    assert counted(world, route, CHAMPION) == Live(requests=1, errors=1)


def test_once_the_candidate_answers_callers_itself_nothing_is_copied(
    world: World, local_aws: LocalAWS, waiting: Queue
) -> None:
    del local_aws
    call(**by(key_of(try_candidate(world, weight=50), CANDIDATE)))
    assert waiting.take() == []


# what becomes of it


def test_both_versions_are_counted_and_how_far_they_agree(world: World, route: Route, waiting: Queue) -> None:
    behave(world, CANDIDATE, lambda *_: TULIPS)
    for _ in range(3):
        call()
    assert carry_out(*waiting.take()) == []
    champion, candidate = (counted(world, route, version) for version in (CHAMPION, CANDIDATE))
    assert (champion.requests, champion.answers) == (3, {"rose": 3, "tulip": 3})
    assert (candidate.requests, candidate.errors, candidate.answers) == (3, 0, {"tulip": 6})
    assert (candidate.compared, candidate.equal) == (6, 3)
    assert candidate.distance == pytest.approx(1.5)
    assert sum(candidate.latency.values()) == sum(champion.latency.values()) == 3


def test_values_are_compared_too(world: World, local_aws: LocalAWS, waiting: Queue) -> None:
    del local_aws
    route = try_candidate(world, "prices", shadow=True)
    behave(world, CANDIDATE, lambda *_: (200, {"predictions": [{"value": 100.5}]}))
    call({"instances": [{"area": 50.0, "owner": None}]}, pathParameters={"model": "prices"})
    assert carry_out(*waiting.take()) == []
    found = counted(world, route, CANDIDATE, "prices")
    assert (found.rows, found.compared, found.equal, found.distance) == (1, 1, 0, 0.5)
    assert (found.mean, counted(world, route, CHAMPION, "prices").mean) == (100.5, 100.0)


def test_no_instance_is_ever_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    try_candidate(world, shadow=True)
    behave(world, CANDIDATE, fail)
    told = Trial(
        model="flowers", revision=2, candidate=2, champion=1, milliseconds=1.0,
        instances=[{"length": 12.345, "width": 1.0}], predictions=[{"label": "rose", "probabilities": {}}],
    )  # fmt: skip
    body = shadow_requests.write(told)
    carry_out(body, json.dumps({**json.loads(body), "model": "trees"}))
    assert "message 1 failed" in caplog.text
    assert "12.345" not in caplog.text
