"""What proved true, sent in any order and more than once, is read back from the lake exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

import pytest

from relearn.records import predictions
from relearn.records.predictions import Record, Truth
from tests.e2e.client import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "iris"
PATH = f"/v1/models/{MODEL}/feedback"
SPECIES = ("setosa", "versicolor", "virginica")
REQUESTS = 12
ROWS = 1000
T = TypeVar("T", Record, Truth)


@pytest.fixture(scope="module")
def iris(stage: Stage) -> Stage:
    """The stage once the first iris model serves."""
    stage.wait("the first iris model", lambda: stage.live_version(MODEL))
    return stage


def predicted(stage: Stage, rows: int) -> list[str]:
    """Predict; the ids of the predictions."""
    sample = stage.sample(MODEL)
    answer = stage.predict(MODEL, *[sample[row % len(sample)] for row in range(rows)])
    return [one["id"] for one in answer["predictions"]]


def give(stage: Stage, rows: Iterable[tuple[str, str]]) -> Any:
    body = {"feedback": [{"prediction": name, "truth": truth} for name, truth in rows]}
    status, _, answer = stage.http(PATH, body)
    assert status == 200, answer
    return answer


def recorded(stage: Stage) -> None:
    stage.wait("all records written", lambda: stage.queued("record") == 0)


def lake(stage: Stage, folder: str, read: Callable[[Iterable[bytes]], Iterator[T]]) -> list[T]:
    """Read every line that the lake has of the model."""
    s3, bucket = stage.client("s3"), stage.outputs["LakeBucket"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}/{MODEL}/")
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    return [
        what
        for key in keys
        for what in read(s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines())
    ]


def test_truths_in_any_order_with_duplicates_and_unknown_ids_are_read_back_exactly(iris: Stage) -> None:
    random = Random(3)
    made = [name for _ in range(REQUESTS) for name in predicted(iris, random.randint(1, 6))]
    right = {name: random.choice(SPECIES) for name in made if random.random() < 0.8}
    again = random.sample(sorted(right.items()), len(right) // 3)
    wrong = {name: SPECIES[SPECIES.index(right[name]) - 1] for name in random.sample(sorted(right), 3)}
    yesterday = datetime.now(UTC) - timedelta(days=1)
    nobodys = [(f"{predictions.record_id(yesterday, str(number))}-0", "setosa") for number in range(4)]
    recorded(iris)

    first = [*right.items(), *again, *nobodys]
    random.shuffle(first)
    told: Counter[str] = Counter()
    while first:
        told.update(give(iris, first[:9])["counts"])
        first = first[9:]
    told.update(give(iris, wrong.items())["counts"])

    taken = {"accepted": len(right), "duplicate": len(again), "conflict": len(wrong)}
    assert told == {**taken, "unknown": len(nobodys), "late": 0}
    records = lake(iris, predictions.PREDICTIONS, predictions.read_records)
    truths = lake(iris, predictions.TRUTH, predictions.read_truths)
    assert len({truth.prediction for truth in truths}) == len(truths)
    found = [one for one in predictions.join(records, truths) if one.prediction in set(made)]
    assert sorted(one.prediction for one in found) == sorted(made)
    assert {one.prediction: one.truth.truth for one in found if one.truth} == right


def test_the_truths_of_a_full_request_are_taken_in_one_request(iris: Stage) -> None:
    names = predicted(iris, ROWS)
    recorded(iris)
    rows = [(name, SPECIES[row % 3]) for row, name in enumerate(names)]
    assert give(iris, rows)["counts"]["accepted"] == ROWS
    assert give(iris, rows)["counts"]["duplicate"] == ROWS
