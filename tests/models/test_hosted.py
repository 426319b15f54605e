"""Every model answers in a host as it does in a container, byte for byte."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.fast import client
from lambdas.aws.fast.artifacts import ArtifactStore
from lambdas.serving.in_process_models import LARGEST_TAR, InProcessModels
from lambdas.serving.ledger_cache import VersionCache
from relearn.lifecycle.runs import Version
from relearn.spec.model import ModelSpec
from tests.models.conftest import VERSION, Trained
from tests.support.wire import KEYS, serving
from tests.support.world import tar_gz
from training import catalog


@dataclass
class OneVersion:
    """As much of a ledger as a host reads."""

    found: Version

    def version(self, model: str, number: int) -> Version | None:
        return self.found if (self.found.model, self.found.version) == (model, number) else None


@pytest.fixture
def ask(spec: ModelSpec, trained: Trained) -> Iterator[Callable[[bytes], bytes]]:
    """Ask a host that fetches what the training job left."""
    files = {path.name: path.read_bytes() for path in (trained.base / "model").iterdir()}
    content = tar_gz(files)
    with serving(lambda *_: (206, {}, content)) as url:
        environ = {"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": url, **KEYS}
        version = Version(
            model=spec.name,
            version=VERSION,
            artifact=f"s3://artifacts/models/{spec.name}/job/output/model.tar.gz",
            artifact_sha256=hashlib.sha256(content).hexdigest(),
        )
        versions = VersionCache(cast("Ledger", OneVersion(version)), "test")
        held = InProcessModels(versions, ArtifactStore(lambda: client.service("s3", environ), LARGEST_TAR))
        yield lambda body: held.ask(spec.name, VERSION, body, 30).body


def container(port: int, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200
    content = answer.read()
    connection.close()
    return content


def test_a_host_answers_as_the_container_byte_for_byte(
    spec: ModelSpec, server: int, ask: Callable[[bytes], bytes]
) -> None:
    instances: list[Any] = catalog.sample(spec.name) * 40
    body = json.dumps({"instances": instances}).encode()
    assert ask(body) == container(server, body)
