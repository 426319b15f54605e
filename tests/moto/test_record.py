"""The records of the queue are in the lake exactly once, and the index knows where."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from lambdas.aws.dynamo.exactly_once import Line, Once
from relearn.records import predictions
from tests.moto.test_predict import call
from tests.support.records import Queue, in_the_lake, indexed, keyed, message, take_in
from tests.support.world import World


@pytest.mark.usefixtures("local_aws")
def test_the_records_of_a_model_and_day_are_lines_of_one_object_that_the_index_names(world: World) -> None:
    bodies = [message(1), message(2), message(3, "prices"), message(4, day=5)]
    assert take_in(*bodies) == []
    assert [key.rsplit("/", 1)[0] for key in sorted(world.lake("predictions/"))] == [
        "predictions/flowers/dt=2026-05-04",
        "predictions/flowers/dt=2026-05-05",
        "predictions/prices/dt=2026-05-04",
    ]
    found = in_the_lake(world)
    assert sorted(predictions.line(one).decode() for one in found) == sorted(bodies)
    first = next(one for one in found if one.request_id == "request-1")
    item = indexed(first)
    assert item["object"] in world.lake("predictions/flowers/dt=2026-05-04/")
    assert (item["rows"], item["version"], item["at"]) == (2, 1, first.at)
    ninety_days = int(datetime.fromisoformat(first.at).timestamp()) + 90 * 86_400
    assert item["expires_at"] > ninety_days


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "{}", '{"object": "key"}', json.dumps({**json.loads(message()), "at": "today"})]
)
@pytest.mark.usefixtures("local_aws")
def test_a_message_that_is_no_record_fails_alone(world: World, broken: str) -> None:
    assert take_in(message(1), broken, message(2)) == ["1"]
    assert len(in_the_lake(world)) == 2


@pytest.mark.usefixtures("local_aws")
def test_a_folder_that_can_not_be_written_fails_its_own_messages_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Once.place

    def refuse(once: Once, found: list[Line], folder: str) -> Any:
        if "prices" in folder:
            raise OSError
        return place(once, found, folder)

    monkeypatch.setattr(Once, "place", refuse)
    assert take_in(message(1), message(2, "prices"), message(3)) == ["1"]
    monkeypatch.undo()
    assert {one.model for one in in_the_lake(world)} == {"flowers"}


# the whole way


def batches(bodies: list[str]) -> Iterator[list[str]]:
    """Deal messages as SQS may: in any order, some twice, in batches of any size."""
    dice = random.Random(4711)
    dealt = bodies + dice.sample(bodies, len(bodies) // 3)
    dice.shuffle(dealt)
    while dealt:
        size = dice.randint(1, 9)
        yield dealt[:size]
        del dealt[:size]


def test_every_answer_of_many_at_once_is_one_line_in_the_lake(queue: Queue, world: World) -> None:
    def ask(number: int) -> str | None:
        body = {"instances": [{"length": number // 9, "width": 1}]} if number % 5 else []
        changes = keyed(f"key-{number // 9}") if number % 3 == 0 else {}
        status, _, answer = call(body, **changes)
        name: str | None = answer["predictions"][0]["id"] if status == 200 else None
        return name

    with ThreadPoolExecutor(8) as pool:
        answered = {name for name in pool.map(ask, range(80)) if name}
    for batch in batches(queue.take()):
        assert take_in(*batch) == []
    stored = [predictions.prediction_id(one.id, 0) for one in in_the_lake(world)]
    assert sorted(stored) == sorted(answered)
    assert len(stored) > 30
