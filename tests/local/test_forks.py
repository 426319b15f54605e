"""Processes that are forked are what their command would be, and none outlives its end or the server's."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.forks import ForkServer
from local.processes import Child
from tests.local.conftest import until

IMPORTED = "sqlite3"
SHOW = f"""
import os, sys, threading
print(sys.argv[1:], __name__, os.getcwd(), os.environ.get("ASKED"), "{IMPORTED}" in sys.modules, "local" in sys.modules)
"""


@pytest.fixture
def server() -> Iterator[ForkServer]:
    made = ForkServer([IMPORTED])
    yield made
    made.close()


def started(server: ForkServer | None, folder: Path, text: str, *arguments: str, **environment: str) -> Child:
    """Run a script in a folder."""
    script = folder / "script.py"
    script.write_text(text)
    command = [sys.executable, str(script), *arguments]
    return Child(command, env={**os.environ, **environment}, cwd=folder, server=server)


def said(child: Child) -> str:
    """What a child printed until its end."""
    with child:
        return child.output.read().decode()


def lives(process: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_script_runs_with_its_arguments_environment_and_folder(server: ForkServer, tmp_path: Path) -> None:
    shown = said(started(server, tmp_path, SHOW, "a b", ASKED="yes"))
    assert shown == f"['a b'] __main__ {tmp_path} yes True False\n"


def test_a_module_runs_as_with_the_option_m(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "asked_for.py").write_text(SHOW)
    command = [sys.executable, "-m", "asked_for", "x"]
    shown = said(Child(command, env=dict(os.environ), cwd=tmp_path, server=server))
    assert shown == f"['x'] __main__ {tmp_path} None True False\n"


@pytest.mark.parametrize("environment", [{"PYTHONHASHSEED": "7"}, {"OMP_NUM_THREADS": "7"}])
def test_what_python_or_a_library_reads_at_its_start_is_read(
    server: ForkServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    assert said(started(server, tmp_path, SHOW, **environment)).split()[-2:] == ["False", "False"]


def test_a_module_of_the_folder_stands_before_an_imported_one(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / f"{IMPORTED}.py").write_text("OWN = True")
    assert said(started(server, tmp_path, f"import {IMPORTED}; print({IMPORTED}.OWN)")) == "True\n"


@pytest.mark.parametrize("forked", [True, False])
@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [
        ("", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no')", 1, "no\n"),
        ("raise ValueError('no')", 1, "ValueError: no\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL, ""),
        ("import atexit; atexit.register(print, 'end')", 0, "end\n"),
        ("import threading, time; threading.Timer(0.2, print, ['late']).start()", 0, "late\n"),
    ],
)
def test_it_ends_as_python_ends(
    server: ForkServer, tmp_path: Path, *, forked: bool, text: str, code: int, shown: str
) -> None:
    with started(server if forked else None, tmp_path, text) as child:
        assert child.output.read().decode().endswith(shown)
        assert child.wait(60) == code


CHILDREN = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL).pid, flush=True)
time.sleep({seconds})
"""


@pytest.mark.parametrize("seconds", [0, 600])
def test_what_it_started_ends_with_it(server: ForkServer, tmp_path: Path, seconds: int) -> None:
    with started(server, tmp_path, CHILDREN.format(seconds=seconds)) as child:
        process = int(child.output.readline())
        if seconds:
            child.kill()
        child.wait(60)
        until(lambda: not lives(process))


def test_nothing_outlives_the_server(server: ForkServer, tmp_path: Path) -> None:
    with started(server, tmp_path, CHILDREN.format(seconds=600)) as child:
        process = int(child.output.readline())
        server.close()
        until(lambda: not lives(process))
        assert child.wait(60) == 128 + signal.SIGKILL


def test_a_server_that_was_killed_is_started_again(server: ForkServer, tmp_path: Path) -> None:
    show = "import os; print(os.getppid())"
    first = int(said(started(server, tmp_path, show)))
    os.kill(first, signal.SIGKILL)
    until(lambda: not lives(first))
    assert int(said(started(server, tmp_path, show))) != first
