"""Trains every model folder once per session and serves what came out."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from preparation import Outcome, prepare
from relearn.spec.model import ModelSpec
from training import catalog

ROOT = Path(__file__).resolve().parents[2]
MODELS = sorted(path.parent.name for path in catalog.MODELS_DIR.glob("[!_.]*/spec.py"))
VERSION = 7  # any number: the server must repeat it


@dataclass(frozen=True)
class Trained:
    """A finished training job."""

    base: Path
    log: str

    @property
    def onnx(self) -> bytes:
        return (self.base / "model" / "model.onnx").read_bytes()

    @property
    def meta(self) -> dict[str, Any]:
        return self._json("model/model.json")

    @property
    def report(self) -> dict[str, Any]:
        return self._json("output/data/report.json")

    @property
    def page(self) -> str:
        return (self.base / "output" / "data" / "report.html").read_text(encoding="utf-8")

    def _json(self, path: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((self.base / path).read_text(encoding="utf-8"))
        return data


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Train models without tables once in `make test`, and a second time at night."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "trained_again" in fixtures and not catalog.get(item.callspec.params["model"]).tables:  # type: ignore[attr-defined]
            item.add_marker("long")


@pytest.fixture(scope="session", params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def spec(model: str) -> ModelSpec:
    return catalog.get(model)


@pytest.fixture(scope="session")
def prepared(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Every raw table's seed, checked."""
    return {
        table: prepare(spec, seed, "seed.csv", tmp_path_factory.mktemp("prepared"), table=table)
        for table, seed in catalog.seeds(spec).items()
    }


@pytest.fixture(scope="session")
def trained(
    spec: ModelSpec, prepared: dict[str, Outcome], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    return train(spec.name, prepared, tmp_path_factory.mktemp("ml"), hash_seed="0")


@pytest.fixture(scope="session")
def trained_again(
    spec: ModelSpec, prepared: dict[str, Outcome], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    return train(spec.name, prepared, tmp_path_factory.mktemp("ml-again"), hash_seed="1")


@pytest.fixture(scope="session")
def server(trained: Trained) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **environment_for(trained.base),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "RELEARN_BIND_HOST": "127.0.0.1",
        "RELEARN_MODEL_VERSION": str(VERSION),
    }
    process = subprocess.Popen([sys.executable, "-m", "training", "serve"], cwd=ROOT, env=environment)
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=600)


def environment_for(base: Path) -> dict[str, str]:
    return {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": str(ROOT)}


def train(model: str, prepared: dict[str, Outcome], base: Path, *, hash_seed: str) -> Trained:
    """Run a training job; the order of Python's sets, which ``hash_seed`` sets, must not matter to it."""
    config, data = base / "input" / "config", base / "input" / "data" / "train"
    config.mkdir(parents=True)
    told = {"model": model, "run_id": "20260102t030405-abcdef", "snapshot": "0" * 64}
    (config / "hyperparameters.json").write_text(json.dumps(told), encoding="utf-8")
    for table, one in prepared.items():
        assert one.shard is not None, one.refusal
        (data / table).mkdir(parents=True)
        shutil.copy(one.shard, data / table / "seed.parquet")
    done = subprocess.run(
        [sys.executable, "-m", "training", "train"],
        cwd=ROOT,
        env={**environment_for(base), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Trained(base, done.stdout)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/ping")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError(f"no answer on port {port}; the server's exit code is {process.poll()}")
