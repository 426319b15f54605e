"""A whole file is scored: begun over HTTP, uploaded with the form, followed, fetched by the link."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.e2e.client import Item, Stage, outputs
from tests.e2e.forms import post_form

ROWS = 1000
PATH = "/v1/models/iris/batches"


@pytest.fixture(scope="module")
def stage_with_iris(stage: Stage) -> Stage:
    """A stage on which iris serves."""
    stage.wait("iris serving", lambda: stage.live_version("iris"))
    return stage


def jsonl(items: list[Item]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def flowers(count: int) -> list[Item]:
    """Different flowers of every species."""
    return [
        {
            "sepal_length": 4.5 + index % 31 / 10,
            "sepal_width": 2.2 + index % 17 / 10,
            "petal_length": 1.0 + index % 59 / 10,
            "petal_width": 0.1 + index % 23 / 10,
        }
        for index in range(count)
    ]


def begin(stage: Stage) -> Any:
    status, headers, batch = stage.http(PATH, raw=b"")
    assert status == 201, batch
    assert headers["location"] == f"{PATH}/{batch['batch']}"
    return batch


def ended(stage: Stage, batch_id: str) -> Any:
    def look() -> Any:
        batch = stage.http(f"{PATH}/{batch_id}")[2]
        return batch if batch["ended_at"] else None

    return stage.wait(f"the end of batch {batch_id}", look)


def test_a_file_of_a_thousand_rows_is_scored_as_online_predictions_are(stage_with_iris: Stage) -> None:
    stage, rows = stage_with_iris, flowers(ROWS)
    batch = begin(stage)
    assert (batch["state"], batch["result"]) == ("WAITING_FOR_FILE", None)
    assert post_form(batch["upload"], jsonl(rows))[0] == 204
    done = ended(stage, batch["batch"])
    assert (done["state"], done["reason"], done["rows"]) == ("SUCCEEDED", "", ROWS)
    assert [step["state"] for step in done["states"]] == ["WAITING_FOR_FILE", "RUNNING", "SUCCEEDED"]
    with urllib.request.urlopen(done["result"]["url"], timeout=120) as answer:  # noqa: S310
        assert "attachment" in answer.headers["content-disposition"]
        scored = [json.loads(line) for line in answer.read().splitlines()]
    online = stage.predict("iris", *rows)
    assert done["version"] == online["version"]
    ids = [prediction.pop("id") for prediction in scored]
    assert scored == outputs(online)
    assert len(set(ids)) == ROWS
    truths = [{"prediction": name, "truth": "setosa"} for name in (ids[0], ids[-1])]
    told = stage.http("/v1/models/iris/feedback", {"feedback": truths})[2]
    assert told["counts"]["accepted"] == 2
    assert len({prediction["label"] for prediction in scored}) == 3
    listed = stage.http(PATH)[2]["batches"]
    assert batch["batch"] in [item["batch"] for item in listed]


def test_a_broken_line_is_named_and_the_others_are_scored(stage_with_iris: Stage) -> None:
    stage, rows = stage_with_iris, flowers(10)
    rows[6]["petal_width"] = "wide"
    batch = begin(stage)
    assert post_form(batch["upload"], jsonl(rows))[0] == 204
    done = ended(stage, batch["batch"])
    assert (done["state"], done["rows"], done["failed"]) == ("SUCCEEDED", 10, 1)
    with urllib.request.urlopen(done["result"]["url"], timeout=120) as answer:  # noqa: S310
        scored = [json.loads(line) for line in answer.read().splitlines()]
    assert [at for at, line in enumerate(scored, 1) if "id" not in line] == [7]
    assert (scored[6]["line"], scored[6]["errors"][0]["pointer"]) == (7, "/petal_width")


def test_the_form_takes_only_its_own_key_and_not_an_empty_or_too_large_file(stage_with_iris: Stage) -> None:
    form = begin(stage_with_iris)["upload"]
    elsewhere = {**form, "fields": {**form["fields"], "key": "incoming/iris/data.csv"}}
    assert post_form(elsewhere, b"x")[0] == 403
    status, answer = post_form(form, b"")
    assert (status, "EntityTooSmall" in answer) == (400, True)
    assert form["max_bytes"] == 100_000_000
