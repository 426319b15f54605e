"""Data comes over HTTP: a form, the file sent with it, and the answer to what became of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from relearn.spec.policies import largest_upload
from tests.e2e.client import Stage
from tests.e2e.forms import post_form
from training import catalog

IRIS_SEED = Path(__file__).parents[2] / "training" / "models" / "iris" / "seed.csv"
PATH = "/v1/models/iris/uploads"
DONE = ("TRAINED", "QUARANTINED", "FAILED", "SUPERSEDED")


@pytest.fixture(scope="module")
def at_rest(stage: Stage) -> Stage:
    """A stage on which iris serves and nothing is under way."""
    stage.wait_until_served("iris")
    return stage


def begin(stage: Stage, filename: str) -> Any:
    status, headers, upload = stage.http(PATH, {"filename": filename})
    assert status == 201, upload
    assert headers["location"] == f"{PATH}/{upload['upload']}"
    assert upload["state"] == "WAITING_FOR_FILE"
    return upload


def look(stage: Stage, upload: str) -> Any:
    status, _, found = stage.http(f"{PATH}/{quote(upload)}")
    assert status == 200, found
    return found


def ended(stage: Stage, upload: str) -> Any:
    def seen() -> Any:
        found = look(stage, upload)
        return found if found["state"] in DONE else None

    return stage.wait(f"the end of upload {upload}", seen)


def test_a_file_sent_with_the_form_is_accepted_and_trained_on(at_rest: Stage) -> None:
    stage, content = (
        at_rest,
        IRIS_SEED.read_bytes() + b"\n",
    )  # the seed as it is was trained on: no run would use it
    begun = begin(stage, "メ ジャー+1%.csv")
    assert post_form(begun["form"], content) == (204, "")
    received = look(stage, begun["upload"])
    assert (received["size_bytes"], received["filename"]) == (len(content), begun["filename"])
    done = ended(stage, begun["upload"])
    states = [step["state"] for step in done["states"]]
    assert states[:3] == ["WAITING_FOR_FILE", "RECEIVED", "ACCEPTED"]
    run = stage.http(f"/v1/models/iris/runs/{done['run_id']}")[2]
    assert done["upload_id"] in run["uploads"]
    assert (run["state"], done["state"]) in {("PROMOTED", "TRAINED"), ("REJECTED", "ROLLED_BACK", "FAILED")}
    assert done["rows_accepted"] == len(content.split()) - 1
    listed = stage.http(PATH)[2]["uploads"]
    assert done["upload_id"] in [item["upload"] for item in listed]
    assert look(stage, done["upload_id"])["states"] == done["states"][1:]


def test_the_form_takes_no_other_key_and_no_empty_file(at_rest: Stage) -> None:
    form = begin(at_rest, "new.csv")["form"]
    for key in ("incoming/iris/new.csv", "batches/iris/x/input.jsonl", form["fields"]["key"] + "x"):
        assert post_form({**form, "fields": {**form["fields"], "key": key}}, b"x")[0] == 403
    status, answer = post_form(form, b"")
    assert (status, "EntityTooSmall" in answer) == (400, True)


def test_the_form_takes_no_larger_file_than_the_model(at_rest: Stage) -> None:
    """Two gigabytes are not sent here: the form has the condition, and S3 refuses what breaks such a one."""
    # The laptop's ingest has 60 seconds, in which it checks 60 MB; its spec would let a model take more.
    largest = min(catalog.load()["iris"].ingest.max_bytes, largest_upload(60))
    form = begin(at_rest, "new.csv")["form"]
    assert form["max_bytes"] == largest
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    assert ["content-length-range", 1, largest] in policy["conditions"]
    small = at_rest.client("s3").generate_presigned_post(
        at_rest.outputs["UploadsBucket"], "tests/too-large", Conditions=[["content-length-range", 1, 10]]
    )
    status, answer = post_form(small, b"x" * 11)
    assert (status, "EntityTooLarge" in answer) == (400, True)
