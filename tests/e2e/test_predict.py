"""The hot path as callers have it: keys that make a request safe to repeat, timings, and full requests."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.client import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "iris"
PATH = f"/v1/models/{MODEL}/predict"
ROWS = 1000


@pytest.fixture(scope="module")
def iris(stage: Stage) -> Stage:
    """The stage once the first iris model serves and nothing is under way."""
    stage.wait("the first iris model", lambda: stage.live_version(MODEL))
    stage.wait("iris at rest", lambda: stage.at_rest(MODEL))
    return stage


@pytest.fixture
def key() -> dict[str, str]:
    """A header that no request had before."""
    return {"idempotency-key": str(uuid.uuid4())}


def test_a_request_sent_again_with_its_key_gets_the_same_answer(iris: Stage, key: dict[str, str]) -> None:
    body = {"instances": iris.sample(MODEL)}
    first = iris.http(PATH, body, headers=key)
    second = iris.http(PATH, body, headers=key)
    assert first[0] == second[0] == 200
    assert first[2] == second[2]
    assert "idempotency-replayed" not in first[1]
    assert second[1]["idempotency-replayed"] == "true"


def test_a_key_with_another_body_is_a_conflict(iris: Stage, key: dict[str, str]) -> None:
    instances = iris.sample(MODEL)
    assert iris.http(PATH, {"instances": instances}, headers=key)[0] == 200
    status, headers, problem = iris.http(PATH, {"instances": instances[:1] * 2}, headers=key)
    assert status == problem["status"] == 409
    assert headers["content-type"] == "application/problem+json"


def test_of_requests_with_one_key_that_meet_all_answers_are_the_same(
    iris: Stage, key: dict[str, str]
) -> None:
    body = {"instances": iris.sample(MODEL)}

    def ask(_: int) -> tuple[int, Any]:
        status, headers, answer = iris.http(PATH, body, headers=key)
        return status, answer if status == 200 else headers["retry-after"]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(8)))
    given = [answer for status, answer in answers if status == 200]
    assert given
    assert given == [given[0]] * len(given)
    assert {status for status, _ in answers} <= {200, 409}


def test_an_answer_says_where_its_time_went(iris: Stage) -> None:
    _, headers, _ = iris.http(PATH, {"instances": iris.sample(MODEL)})
    phases = dict(part.split(";dur=") for part in headers["server-timing"].split(", "))
    assert set(phases) == {"validate", "model", "record", "total"}
    total = float(phases.pop("total"))
    assert sum(map(float, phases.values())) <= total


def test_a_full_request_is_answered_row_by_row_in_order(iris: Stage) -> None:
    sample = iris.sample(MODEL)
    alone = iris.predict(MODEL, *sample)["predictions"]
    instances = [sample[number % len(sample)] for number in range(ROWS)]
    predictions = iris.predict(MODEL, *instances)["predictions"]
    assert [prediction["label"] for prediction in predictions] == [
        alone[number % len(sample)]["label"] for number in range(ROWS)
    ]


def test_one_row_too_many_is_told(iris: Stage) -> None:
    status, _, problem = iris.http(PATH, {"instances": iris.sample(MODEL)[:1] * (ROWS + 1)})
    assert status == 422
    assert [error["pointer"] for error in problem["errors"]] == ["/instances"]
