"""``python -m demo`` as a whole, beside a laptop cloud of a few lines whose app has no models, so that no story can be told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

CLOUD = """
import argparse, json, os, pathlib, signal, sys, threading
parser = argparse.ArgumentParser()
for name in ("--app", "--info", "--account", "--port", "--keep"):
    parser.add_argument(name)
parser.add_argument("--attached", action="store_true")
given = parser.parse_args()
print("given", given, flush=True)
if given.account == "12":
    sys.exit(2)
signal.signal(signal.SIGTERM, signal.default_int_handler)
info = pathlib.Path(given.info)
try:
    draft = info.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "outputs": {}}))
    draft.replace(info)
    threading.Event().wait()
except KeyboardInterrupt:
    info.unlink()
    print("stopping", flush=True)
"""
FAILED = "the deployed app has no output LedgerTable"


@dataclass
class Demo:
    """A demo that runs."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def printed(self) -> str:
        return (self.folder / "demo.log").read_text()

    @property
    def info(self) -> Path:
        return self.folder / "info.json"

    def until(self, come: Callable[[], bool]) -> None:
        """Wait for something; fail when the demo ends before."""
        while not come():
            assert self.process.poll() is None, self.printed
            time.sleep(0.02)

    def cloud(self) -> int:
        """Wait for the process id of the cloud."""
        self.until(self.info.exists)
        pid: int = json.loads(self.info.read_text())["pid"]
        return pid


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[Demo]:
    room = folder / "local"
    room.mkdir()
    (room / "__init__.py").touch()
    (room / "__main__.py").write_text(CLOUD)
    command = [sys.executable, "-m", "demo", "--app", str(folder), "--info", "info.json", *options]
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield Demo(process, folder)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_story_that_fails_leaves_the_cloud_up_until_it_is_stopped(
    tmp_path: Path, stop: signal.Signals
) -> None:
    with demo(tmp_path) as running:
        cloud = running.cloud()
        running.until(lambda: "up; Ctrl-C stops it" in running.printed)
        assert FAILED in running.printed
        os.kill(cloud, 0)
        running.process.send_signal(stop)
        assert running.process.wait() == 1
        assert running.printed.endswith("stopping\n")
        assert not running.info.exists()


def test_once_ends_with_the_story_and_says_whether_it_went_well(tmp_path: Path) -> None:
    with demo(tmp_path, "--once") as running:
        assert running.process.wait() == 1
        assert FAILED in running.printed
        assert running.printed.endswith("stopping\n")


def test_without_a_story_it_is_the_laptop_cloud(tmp_path: Path) -> None:
    with demo(tmp_path, "--no-story", "--once") as running:
        assert running.cloud() == running.process.pid
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait() == 0
        assert FAILED not in running.printed


def test_it_ends_with_its_cloud_and_says_how(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        os.kill(running.cloud(), signal.SIGKILL)
        assert running.process.wait() == 128 + signal.SIGKILL
        assert "the laptop cloud was ended by SIGKILL" in running.printed


def test_what_the_cloud_refuses_ends_it_with_the_same_code(tmp_path: Path) -> None:
    with demo(tmp_path, "--account", "12") as running:
        assert running.process.wait() == 2
        assert "the laptop cloud ended with exit code 2" in running.printed


def test_the_cloud_is_given_its_own_options_and_no_others(tmp_path: Path) -> None:
    with demo(tmp_path, "--once", "--models", "iris", "--port", "0", "--keep", "kept") as running:
        running.process.wait()
        told = "Namespace(app={!r}, info='info.json', account=None, port='0', keep='kept', attached=True)"
        assert f"given {told.format(str(tmp_path))}\n" in running.printed
