"""The hot path as callers have it: keys that make a request safe to repeat, and full requests."""

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
    stage.wait_until_served(MODEL)
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


def test_a_full_request_is_answered_row_by_row_in_order(iris: Stage) -> None:
    sample = iris.sample(MODEL)
    alone = iris.predict(MODEL, *sample)["predictions"]
    instances = [sample[number % len(sample)] for number in range(ROWS)]
    predictions = iris.predict(MODEL, *instances)["predictions"]
    assert [prediction["label"] for prediction in predictions] == [
        alone[number % len(sample)]["label"] for number in range(ROWS)
    ]
