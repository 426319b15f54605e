"""One laptop cloud for all of these tests, running the toy app."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest

from tests.local import toy

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


@dataclass
class Running:
    """A laptop cloud in a process of its own."""

    process: subprocess.Popen[bytes]
    info: dict[str, Any]

    @property
    def outputs(self) -> dict[str, str]:
        found: dict[str, str] = self.info["outputs"]
        return found

    @property
    def pid(self) -> int:
        pid: int = self.info["pid"]
        return pid

    @property
    def keys(self) -> tuple[str, str]:
        return self.info["access_key_id"], self.info["secret_access_key"]

    @property
    def description(self) -> str:
        """What the cloud says of itself, as it wrote it."""
        return json.dumps(self.info)

    def client(self, service: str, **more: Any) -> Any:
        connect: Any = boto3.client
        chosen = {
            "aws_access_key_id": self.info["access_key_id"],
            "aws_secret_access_key": self.info["secret_access_key"],
            **more,
        }
        return connect(
            service, endpoint_url=self.info["endpoint_url"], region_name=self.info["region"], **chosen
        )


def start(assembly: Path, folder: Path, *options: str) -> Running:
    """Start a laptop cloud and wait until it is deployed."""
    info, log = folder / "info.json", folder / "cloud.log"
    command = [
        sys.executable,
        "-m",
        "local",
        "--app",
        str(assembly),
        "--info",
        str(info),
        *options,
    ]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: info.exists() or process.poll() is not None, seconds=300)
        assert info.exists(), log.read_text()
    except BaseException:
        process.kill()
        raise
    return Running(process, json.loads(info.read_text()))


def stop(cloud: Running) -> int:
    """Interrupt it as Ctrl-C does; its exit code."""
    cloud.process.send_signal(signal.SIGINT)
    return cloud.process.wait(600)


def until(come: Callable[[], T], seconds: float = 300) -> T:
    """Wait for a true value, and give it."""
    end = time.monotonic() + seconds
    while True:
        found = come()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose name leaves room for the addresses of sockets, however deep pytest's own lies."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def cloud(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(assembly, tmp_path_factory.mktemp("cloud"))
    try:
        yield running
    finally:
        stop(running)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name no other test uses."""
    test: str = request.node.name
    return ("toy-" + test.removeprefix("test_").replace("_", "-"))[:50].strip("-")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if (
            "cloud" in getattr(item, "fixturenames", ())
            or "test_other_pages" in item.nodeid
            or "test_command" in item.nodeid
        ):
            item.add_marker("local")
