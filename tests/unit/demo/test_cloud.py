"""The laptop cloud as a child process, played by programs of a few lines."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from demo.cloud import Cloud
from demo.errors import CloudEndedError

DESCRIBE = "import json, os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(json.dumps({'pid': os.getpid()}));"


def playing(program: str, info: Path) -> Cloud:
    return Cloud([sys.executable, "-c", program, str(info)], info)


@pytest.fixture
def info(tmp_path: Path) -> Path:
    return tmp_path / "info.json"


def pid_in(info: Path) -> int:
    pid: int = json.loads(info.read_text())["pid"]
    return pid


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_up_when_it_describes_itself(info: Path) -> None:
    with playing(f"{DESCRIBE} time.sleep(600)", info) as cloud:
        cloud.wait_until_up()
        assert is_there(pid_in(info))


@pytest.mark.parametrize("left", ['{"pid": 1}', "[]", "not json"])
def test_what_another_cloud_left_does_not_describe_it(info: Path, left: str) -> None:
    info.write_text(left)
    with playing("raise SystemExit(2)", info) as cloud, pytest.raises(CloudEndedError):
        cloud.wait_until_up()


def test_it_is_gone_after_the_block(info: Path) -> None:
    with playing(f"{DESCRIBE} time.sleep(600)", info) as cloud:
        cloud.wait_until_up()
    assert not is_there(pid_in(info))


def test_it_stops_in_its_own_way(info: Path, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    program = (
        f"import signal; signal.signal(signal.SIGTERM, signal.default_int_handler)\n{DESCRIBE}\n"
        f"try:\n  time.sleep(600)\nfinally:\n  pathlib.Path({str(stopped)!r}).touch()"
    )
    with playing(program, info) as cloud:
        cloud.wait_until_up()
    assert stopped.exists()


def test_one_that_fails_ends_the_program_with_its_code(info: Path) -> None:
    ended_with_3 = pytest.raises(CloudEndedError, match="ended with exit code 3")
    with playing("raise SystemExit(3)", info) as cloud, ended_with_3 as ended:
        cloud.wait_until_up()
    assert ended.value.exit_code == 3


def test_one_that_is_killed_is_told_by_the_signal(info: Path) -> None:
    with playing(f"{DESCRIBE} time.sleep(600)", info) as cloud:
        cloud.wait_until_up()
        cloud.check()
        os.kill(pid_in(info), signal.SIGKILL)
        with pytest.raises(CloudEndedError, match="ended by SIGKILL") as ended:
            cloud.wait()
        with pytest.raises(CloudEndedError):
            cloud.check()
    assert ended.value.exit_code == 137


def test_one_that_someone_else_stops_is_no_failure(info: Path) -> None:
    with playing("pass", info) as cloud:
        cloud.wait()
