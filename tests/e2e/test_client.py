"""The Python client against a deployed stage: what it gives is what the API said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from relearn_client import (
    AsyncClient,
    Classification,
    Client,
    Feedback,
    InvalidFeedbackError,
    InvalidInstancesError,
    KeyReusedError,
    NotFoundError,
    SigV4,
)
from tests.e2e.client import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.local]


@pytest.fixture(scope="module")
def options(stage: Stage) -> dict[str, Any]:
    """How to reach the stage; signed on the laptop too, where the API is open."""
    stage.wait_until_served("iris")
    credentials = stage.session.get_credentials()
    return {
        "url": stage.api_url,
        "auth": SigV4(region=stage.session.region_name, credentials=credentials),
    }


@pytest.fixture(scope="module")
def client(options: dict[str, Any]) -> Iterator[Client]:
    with Client(**options) as made:
        yield made


def test_a_prediction_is_what_the_api_says(stage: Stage, client: Client) -> None:
    sample = client.model("iris").sample["instances"]
    said = stage.predict("iris", *sample)
    answer = client.predict("iris", sample)
    assert (answer.model, answer.version) == (said["model"], said["version"])
    assert answer.predictions == tuple(
        Classification(one["label"], one["probabilities"], mine)
        for one, mine in zip(said["predictions"], answer.ids, strict=True)
    )


def test_a_regression_is_values(stage: Stage, client: Client) -> None:
    stage.wait("the first diabetes model", lambda: stage.live_version("diabetes"))
    sample = client.model("diabetes").sample["instances"]
    said = stage.predict("diabetes", *sample)
    assert client.predict("diabetes", sample).values == [one["value"] for one in said["predictions"]]


def test_a_file_is_scored_as_the_same_rows_are_online(client: Client) -> None:
    rows = client.model("iris").sample["instances"] * 5
    begun = client.score("iris", "\n".join(map(json.dumps, rows)).encode())
    done = client.wait_for_batch("iris", begun.batch, timeout_seconds=120, poll_seconds=0.3)
    assert (done.state, done.rows) == ("SUCCEEDED", len(rows))
    scored = [asdict(one) for one in client.results(done)]
    online = [asdict(one) for one in client.predict("iris", rows).predictions]
    assert len({one.pop("id") for one in scored} | {one.pop("id") for one in online}) == 2 * len(rows)
    assert scored == online
    assert done.batch in {one.batch for one in client.batches("iris")}


def test_an_upload_is_followed_until_it_is_refused(client: Client) -> None:
    content = b"sepal_length,sepal_width,petal_length,petal_width,species\nlong,3.5,1.4,0.2,setosa\n"
    begun = client.upload_file("iris", content, filename="long.csv")
    upload = client.wait_for_upload(
        "iris", begun.upload, until="checked", timeout_seconds=120, poll_seconds=0.3
    )
    assert (upload.state, upload.filename, upload.rows_rejected) == ("QUARANTINED", "long.csv", 1)
    assert [(row.line, row.errors[0].column) for row in upload.rejected_rows] == [(2, "sepal_length")]
    assert upload.upload_id in {one.upload_id for one in client.uploads("iris")}


def test_a_truth_is_kept_once_the_prediction_is_recorded(stage: Stage, client: Client) -> None:
    answer = client.predict("iris", client.model("iris").sample["instances"])
    truths = list(zip(answer.ids, answer.labels, strict=True))

    def tell() -> Feedback | None:
        told = client.feedback("iris", truths)
        return None if "unknown" in told.counts else told

    first = stage.wait("the record of the predictions", tell)
    assert first.counts == {"accepted": len(truths)}
    assert client.feedback("iris", truths).counts == {"duplicate": len(truths)}
    with pytest.raises(InvalidFeedbackError) as caught:
        client.feedback("iris", [(answer.ids[0], "rose")])
    assert [error.pointer for error in caught.value.errors] == ["/feedback/0/truth"]


def test_many_predictions_at_once_are_each_answered(options: dict[str, Any], client: Client) -> None:
    sample = client.model("iris").sample["instances"]
    alone = [client.predict("iris", [one]).labels[0] for one in sample]

    async def together() -> list[str]:
        async with AsyncClient(**options) as asynchronous:
            answers = await asyncio.gather(*(asynchronous.predict("iris", [one]) for one in sample))
        return [answer.labels[0] for answer in answers]

    assert asyncio.run(together()) == alone


def test_the_list_and_the_whole_agree(client: Client) -> None:
    for brief in client.models():
        whole = client.model(brief.name)
        assert (whole.title, whole.kind, whole.state) == (brief.title, brief.kind, brief.state)


def test_the_version_that_serves_leads_to_the_run_that_made_it(client: Client) -> None:
    live = client.model("iris").version
    version = next(one for one in client.versions("iris") if one.version == live)
    run = client.run("iris", version.run_id)
    assert (run.state, run.version) == ("PROMOTED", live)
    assert run.metrics == version.metrics
    assert run.states[-1].state == "PROMOTED"
    assert run.uploads


def test_pages_of_runs_joined_are_the_list_of_runs(client: Client) -> None:
    page = client.runs("iris", limit=1)
    seen = [run.run_id for run in page.runs]
    while page.next is not None:
        page = client.runs("iris", limit=1, after=page.next)
        seen += [run.run_id for run in page.runs]
    assert seen == [run.run_id for run in client.runs("iris", limit=100).runs]
    assert seen


def test_every_wrong_field_is_pointed_at(client: Client) -> None:
    good = client.model("iris").sample["instances"][0]
    with pytest.raises(InvalidInstancesError) as caught:
        client.predict("iris", [good, {**good, "sepal_length": "long", "colour": "blue"}])
    assert {error.pointer for error in caught.value.errors} == {
        "/instances/1/sepal_length",
        "/instances/1/colour",
    }
    assert caught.value.request_id


def test_what_does_not_exist_is_not_found(client: Client) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.model("no-such-model")
    assert (caught.value.status, caught.value.type) == (404, "urn:relearn:problem:not-found")
    with pytest.raises(NotFoundError):
        client.run("iris", "no-such-run")


def test_a_key_belongs_to_one_body(client: Client) -> None:
    first, second = client.model("iris").sample["instances"][:2]
    key = client.runs("iris").runs[0].run_id + "-key"
    answer = client.predict("iris", [first], idempotency_key=key)
    assert client.predict("iris", [first], idempotency_key=key) == answer
    with pytest.raises(KeyReusedError):
        client.predict("iris", [second], idempotency_key=key)
