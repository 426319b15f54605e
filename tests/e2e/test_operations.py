"""What serves is changed by hand, under load: nobody's request fails, and every answer names a version that served."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asking import constantly_asked
from tests.e2e.client import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "iris"
MORE = Path(__file__).parents[2] / "examples" / "iris" / "more_measurements.csv"
ROUTE = f"/v1/models/{MODEL}/route"
TAKES_EFFECT_SECONDS = 5.0
PAUSE = 0.15
"""Seconds between two requests of a caller, who leaves the machine time for what is tested."""


@pytest.fixture(scope="module")
def two(stage: Stage) -> Stage:
    """The stage once two versions of a model can answer."""
    stage.wait_until_served(MODEL)
    if not route(stage)["previous"]:
        version_id = stage.put(MODEL, "two.csv", MORE.read_bytes())
        stage.run_of(MODEL, version_id, "PROMOTED")
        stage.wait("iris at rest", lambda: stage.at_rest(MODEL))
    return stage


def route(stage: Stage) -> Any:
    status, _, answer = stage.http(ROUTE)
    assert status == 200, answer
    return answer


def change(stage: Stage, action: str, **more: Any) -> Any:
    status, _, answer = stage.http(ROUTE, {"action": action, "why": "an end-to-end test", **more})
    assert status == 200, answer
    return answer


def test_a_rollback_is_one_call_and_no_request_fails(two: Stage) -> None:
    before = route(two)
    with constantly_asked(two, MODEL, pause=PAUSE) as load:
        time.sleep(1)
        rolled = change(two, "rollback")
        at = time.time()
        two.wait(
            "the older version alone",
            lambda: load.versions(after=at + TAKES_EFFECT_SECONDS) == {before["previous"]},
        )
        back = change(two, "promote", version=before["champion"])
        two.wait("the newer version again", lambda: load.seen[-1].version == before["champion"])
    assert load.failed == []
    assert load.versions() == {before["champion"], before["previous"]}
    assert (rolled["champion"], rolled["previous"]) == (before["previous"], before["champion"])
    assert (back["champion"], back["revision"]) == (before["champion"], before["revision"] + 2)
    newest = back["history"][0]
    assert (newest["what"], newest["why"]) == ("promoted by hand", "an end-to-end test")
    assert newest["who"]


def test_a_version_without_an_endpoint_is_deployed_before_it_serves(two: Stage) -> None:
    before = route(two)
    time.sleep(TAKES_EFFECT_SECONDS)  # so long it may be remembered as the one that serves
    lose_endpoint(two, before["previous"])
    with constantly_asked(two, MODEL, pause=PAUSE) as load:
        begun = change(two, "rollback")
        assert (begun["champion"], begun["restore"]["state"]) == (before["champion"], "RESTORING")
        ended = two.wait(
            "it is deployed",
            lambda: found if (found := route(two))["restore"]["state"] != "RESTORING" else None,
        )
        assert (ended["restore"]["state"], ended["champion"]) == ("DONE", before["previous"]), ended
        two.wait("it answers", lambda: load.seen[-1].version == before["previous"])
    assert load.failed == []
    change(two, "promote", version=before["champion"])


def lose_endpoint(stage: Stage, version: int) -> None:
    """Leave a version as retirement does: registered, with its artifact, and without an endpoint."""
    sagemaker, name = stage.client("sagemaker"), f"relearn-{stage.name}-{MODEL}-v{version}"
    sagemaker.delete_endpoint(EndpointName=name)
    stage.wait("the endpoint gone", lambda: not sagemaker.list_endpoints(NameContains=name)["Endpoints"])
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    stage.ledger.update_item(
        Key={"pk": f"MODEL#{MODEL}", "sk": f"VERSION#{version}"},
        UpdateExpression="SET endpoint = :none, #s = :retired",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":none": "", ":retired": "RETIRED"},
    )
