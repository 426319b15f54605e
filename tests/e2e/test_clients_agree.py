"""Whoever asks gets the same prediction: our Python client, curl, a generated TypeScript client, Triton's client."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient

from relearn_client import Client, SigV4
from tests.e2e.client import Item, Stage
from tests.e2e.generated import Programs
from tests.e2e.proxied import proxy_of
from tests.e2e.test_inference import tensors
from tests.support.proxied import Proxy

pytestmark = [pytest.mark.e2e, pytest.mark.local]

Answer = tuple[int, list[Item]]
"""Version and predictions."""


@pytest.fixture(scope="module")
def proxy(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxy_of(stage, tmp_path_factory.mktemp("proxy")) as running:
        yield running


def by_python(stage: Stage, sample: list[Item]) -> Answer:
    auth = SigV4(region=stage.session.region_name, credentials=stage.session.get_credentials())
    with Client(stage.api_url, auth=auth) as client:
        answer = client.predict("iris", sample)
    return answer.version, [asdict(one) for one in answer.predictions]


def by_curl(stage: Stage, sample: list[Item]) -> Answer:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH")
    keys = stage.session.get_credentials()
    assert keys is not None
    url = stage.api_url.rstrip("/") + "/v1/models/iris/predict"
    command = ["curl", "-sS", url, "--aws-sigv4", f"aws:amz:{stage.session.region_name}:execute-api"]
    command += ["--user", f"{keys.access_key}:{keys.secret_key}", "-H", "content-type: application/json"]
    command += ["-H", f"x-amz-security-token: {keys.token}"] if keys.token else []
    command += ["-d", json.dumps({"instances": sample})]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=600).stdout)
    return answer["version"], answer["predictions"]


def by_triton(proxy: Proxy, sample: list[Item], classes: list[str]) -> Answer:
    with InferenceServerClient(urlsplit(proxy.url).netloc) as client:
        result: Any = client.infer("iris", tensors(client, "iris", sample))
    columns = [result.as_numpy(name) for name in ("prediction_id", "label", "probabilities")]
    rows = [
        {
            "id": id_.decode(),
            "label": label.decode(),
            "probabilities": dict(zip(classes, chances, strict=True)),
        }
        for id_, label, chances in zip(*columns, strict=True)
    ]
    return int(result.get_response()["model_version"]), rows


def same(prediction: Item) -> Item:
    """What of a prediction does not depend on who asked, in the precision that tensors have."""
    chances = {name: np.float32(value) for name, value in prediction["probabilities"].items()}
    return {"label": prediction["label"], "probabilities": chances}


def test_every_client_gets_the_same_prediction(stage: Stage, proxy: Proxy, typescript: Programs) -> None:
    stage.wait_until_served("iris")
    sample = stage.sample("iris")
    said = typescript.ask(stage)["answer"]
    version, expected = by_python(stage, sample)
    classes = list(expected[0]["probabilities"])
    others = {
        "curl": by_curl(stage, sample),
        "TypeScript": (said["version"], said["predictions"]),
        "Triton": by_triton(proxy, sample, classes),
    }
    assert {name: found for name, (found, _) in others.items()} == dict.fromkeys(others, version)
    for predictions in (rows for _, rows in others.values()):
        assert [same(one) for one in predictions] == [same(one) for one in expected]
    ids = [one["id"] for rows in (expected, *(rows for _, rows in others.values())) for one in rows]
    assert len(set(ids)) == len(ids) == len(sample) * (len(others) + 1)
