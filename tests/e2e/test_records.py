"""Prediction records as their owner has them: one for each answer, read with `relearn predictions`."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Stage
from tests.e2e.clouds import ROOT
from tests.e2e.proxied import options

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "iris"
PATH = f"/v1/models/{MODEL}/predict"
REQUESTS = 90


@pytest.fixture(scope="module")
def iris(stage: Stage) -> Stage:
    """The stage once the first iris model serves."""
    stage.wait("the first iris model", lambda: stage.live_version(MODEL))
    return stage


def kept(stage: Stage, folder: Path) -> list[dict[str, Any]]:
    """What `relearn predictions` shows once every record is written."""
    stage.wait("all records written", lambda: stage.queued("record") == 0)
    command = [sys.executable, "-m", "cli", *options(stage, folder), "predictions", MODEL]
    done = subprocess.run(
        [*command, "--last", "2h", "--limit", "1000000", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_of_many_requests_at_once_every_answer_is_kept_once_and_nothing_else(
    iris: Stage, tmp_path: Path
) -> None:
    sample = iris.sample(MODEL)
    keys = [str(uuid.uuid4()) for _ in range(5)]

    def ask(number: int) -> tuple[int, str, Any]:
        """Ask anew, with a key that others have too, or wrongly."""
        body, headers = {"instances": sample}, {}
        if number % 3 == 1:
            headers = {"idempotency-key": keys[number % len(keys)]}
        if number % 3 == 2:
            body = [{}, {"instances": []}, {"instances": [{"sepal_length": "long"}]}][number % 9 // 3]  # type: ignore[assignment]
        status, told, answer = iris.http(PATH, body, headers=headers)
        return status, told["x-request-id"], answer

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(ask, range(REQUESTS)))
    answered = {
        one["id"]: one for status, _, answer in given if status == 200 for one in answer["predictions"]
    }
    refused = {request for status, request, _ in given if status != 200}
    assert {status for status, _, _ in given} <= {200, 409, 422}
    assert len(answered) >= (REQUESTS / 3 + 1) * len(sample)

    found = kept(iris, tmp_path)
    assert len({one["id"] for one in found}) == len(found)
    assert not refused & {one["request_id"] for one in found}
    ours = [one for one in found if one["id"] in answered]
    assert len(ours) == len(answered)
    for one in ours:
        assert {"id": one["id"], **one["output"]} == answered[one["id"]]
        assert one["input"] == sample[int(one["id"].rpartition("-")[2])]
