"""A model that runs in Lambda has the whole loop, without an endpoint: canary, promotion, rollback, batches."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import ENDS, Stage, outputs
from tests.e2e.forms import post_form

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "diabetes"
MORE = Path(__file__).parents[2] / "examples" / MODEL / "more_patients.csv"
ROUTE = f"/v1/models/{MODEL}/route"


@pytest.fixture(scope="module")
def live(stage: Stage) -> Stage:
    """The stage once the first version serves and nothing is under way."""
    stage.wait_until_served(MODEL)
    return stage


@pytest.fixture(scope="module")
def promoted(live: Stage) -> Iterator[Any]:
    """The run that the other patients made; afterwards the first version serves again, which the pages show."""
    before = outputs(live.predict(MODEL, *live.sample(MODEL)))
    version_id = live.put(MODEL, "more.csv", MORE.read_bytes())
    run = live.run_of(MODEL, version_id, *ENDS)
    live.wait(f"{MODEL} at rest", lambda: live.at_rest(MODEL))
    assert run["state"] == "PROMOTED", run["reason"]
    yield {"run": run, "before": before}
    live.http(ROUTE, {"action": "rollback", "why": "the tests of a better version are over"})
    live.wait("the version before", lambda: _answers(live) == int(run["version"]) - 1)


def endpoints(stage: Stage) -> list[str]:
    found = stage.client("sagemaker").list_endpoints(NameContains=f"relearn-{stage.name}-{MODEL}-")
    return [one["EndpointName"] for one in found["Endpoints"]]


def ask_host(stage: Stage, version: int) -> Any:
    """Ask for one version, as the stage's other functions do."""
    body = json.dumps({"instances": stage.sample(MODEL)})
    answer = stage.client("lambda").invoke(
        FunctionName=f"relearn-{stage.name}-host-{MODEL}",
        Payload=json.dumps({"version": version, "body": body}),
    )
    return json.load(answer["Payload"])


def test_the_first_version_answers_from_the_host_and_no_endpoint_is_made(live: Stage) -> None:
    answer = live.predict(MODEL, *live.sample(MODEL))
    direct = json.loads(ask_host(live, answer["version"])["body"])
    assert (direct["model"], direct["version"]) == (MODEL, answer["version"])
    assert direct["predictions"] == outputs(answer)
    assert endpoints(live) == []


@pytest.mark.long
def test_a_better_version_is_tried_beside_the_champion_and_then_promoted(live: Stage, promoted: Any) -> None:
    run = promoted["run"]
    assert re.search(
        r"rmse 48\.\d+ against the champion's 53\.\d+ on 105 rows held out, a difference of \+5 with 263 cross-validated: "
        "better by at least",
        run["reason"],
    )
    history = live.http(ROUTE)[2]["history"]
    moved = [one for one in history if one["who"] == f"run {run['run_id']}"]
    version = int(run["version"])
    assert [(one["what"], one["candidate"]) for one in reversed(moved)] == [
        ("canary 10 %", version),
        ("canary 50 %", version),
        ("promoted", None),
    ]
    assert live.predict(MODEL, *live.sample(MODEL))["version"] == version
    assert endpoints(live) == []


@pytest.mark.long
def test_one_call_rolls_back_and_another_forward(live: Stage, promoted: Any) -> None:
    version = int(promoted["run"]["version"])
    for expected, move in (
        (version - 1, {"action": "rollback"}),
        (version, {"action": "promote", "version": version}),
    ):
        status, _, route = live.http(ROUTE, {**move, "why": "an end-to-end test"})
        assert (status, route["champion"]) == (200, expected)
        live.wait("the other version", lambda expected=expected: _answers(live) == expected)  # type: ignore[misc]
        if expected == version - 1:
            assert outputs(live.predict(MODEL, *live.sample(MODEL))) == promoted["before"]


def _answers(stage: Stage) -> int:
    return int(stage.predict(MODEL, *stage.sample(MODEL))["version"])


def test_a_file_is_scored_all_the_same(live: Stage) -> None:
    path, instances = f"/v1/models/{MODEL}/batches", live.sample(MODEL)
    status, _, batch = live.http(path, raw=b"")
    assert status == 201, batch
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in instances)
    assert post_form(batch["upload"], lines)[0] == 204

    def look() -> Any:
        found = live.http(f"{path}/{batch['batch']}")[2]
        return found if found["ended_at"] else None

    done = live.wait("the end of the batch", look)
    assert done["state"] == "SUCCEEDED", done
    with urllib.request.urlopen(done["result"]["url"], timeout=120) as answer:  # noqa: S310
        scored = [json.loads(line) for line in answer.read().splitlines()]
    assert outputs({"predictions": scored}) == outputs(live.predict(MODEL, *instances))
