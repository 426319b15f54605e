"""Tries mutants inside one pytest that has collected the tests: each in a fork, on the tests that execute the change.

A fork inherits imports and collected tests, but no executed test, so no mutant sees results of another. The tests of a
mutant run one after another, as `chosen_tests` orders them, until one fails or the time of `SECONDS` is used up.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mutmut.mutation.trampoline import set_mutant_under_test

from tests.mutants.making import KEPT, ROOT, Mutant, digest, keep

SECONDS = 20.0
"""Maximum time of a mutant's tests when none fails, in seconds."""
_SLOW = 10.0
"""Tests that take more seconds are left out, because one would use up its mutant's time."""
_SPARE = 10
"""A test may take this many times its seconds without the mutant, and as many seconds more."""
_PATIENCE = 20
"""Wall-clock seconds allowed for each second of processor time, for a busy machine."""
_RECORD = "mutmut.mutation.trampoline.record_trampoline_hit"
_FOUND, _NOT_FOUND, _NO_TEST = 1, 0, 33

_CREATED: tuple[Any, ...] = ("application-autoscaling", "cloudwatch", "lambda")
_CALLED: Mapping[Any, str] = {
    "dynamodb": "list_tables",
    "s3": "list_buckets",
    "sagemaker": "list_models",
    "sns": "list_topics",
    "sqs": "list_queues",
    "stepfunctions": "list_state_machines",
}

ON_MOTO = ROOT / "tests" / "moto"
"""Folder of the tests that need the service models of AWS."""

settings.register_profile(
    "mutants",
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Passed:
    """Duration of a test in seconds, and the functions that it executes."""

    seconds: float
    functions: Sequence[str]


@dataclass(frozen=True)
class Tried:
    """Result of a mutant.

    Parameters
    ----------
    mutant
        The mutant.
    killed
        Whether a test failed or took far too long, as in an endless loop.
    tests, passing
        Number of tests that ran when none failed, and of those that execute the changed function.
    """

    mutant: Mutant
    killed: bool
    tests: int
    passing: int


@dataclass
class _Child:
    mutant: Mutant
    tests: int
    passing: int
    room: str
    deadline: float


@dataclass(eq=False)
class Trials:
    """pytest plugin that runs mutants instead of tests.

    Parameters
    ----------
    modules
        All modules with mutants.
    mutants
        Mutants to try.
    processes
        Number of concurrent forks.
    say
        Receives progress.
    """

    modules: Sequence[str]
    mutants: Sequence[Mutant]
    processes: int
    say: Callable[[str], object]
    tried: list[Tried] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _failed: bool = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record that a test failed."""
        self._failed = self._failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Find which functions the tests execute, then try the mutants."""
        settings.load_profile("mutants")
        _warm_hypothesis()
        if any(item.path.is_relative_to(ON_MOTO) for item in session.items):
            _warm_aws()
        passed = self._passed(session.items)
        self.left_out = sorted(item.nodeid for item in session.items if item.nodeid not in passed)
        self.say(f"{len(passed)} tests pass without a change; {len(self.left_out)} are left out\n")
        through = _through(passed)
        gc.collect()
        gc.freeze()  # a garbage collection in a fork would copy every shared page
        items = {item.nodeid: item for item in session.items}
        self._try(items, passed, through)
        return True

    # functions that the tests execute

    def _passed(self, items: Sequence[pytest.Item]) -> dict[str, Passed]:
        shared = digest(_shared(), *self.modules)
        files: dict[Path, list[pytest.Item]] = defaultdict(list)
        for item in items:
            files[item.path].append(item)
        kept = {
            path: KEPT / "passed" / f"{digest(shared, str(path.relative_to(ROOT)), path.read_text())}.json"
            for path in files
        }
        missing = [path for path in files if not kept[path].exists()]
        running: dict[int, Path] = {}
        self.say(f"{len(missing)} files of tests to be run without a change\n")
        while missing or running:
            if missing and len(running) < self.processes:
                path = missing.pop()
                running[_forked(lambda path=path: self._look(files[path], kept[path]))] = path  # type: ignore[misc]
                continue
            pid, status = os.wait()
            path = running.pop(pid)
            if status:
                raise pytest.UsageError(f"{path} ended with {status}")
        found: dict[str, Passed] = {}
        self._import({name for path in files for name in json.loads(kept[path].read_text())["modules"]})
        for path in files:
            tests = json.loads(kept[path].read_text())["tests"]
            found |= {name: Passed(**told) for name, told in tests.items()}
        return found

    def _look(self, items: Sequence[pytest.Item], kept: Path) -> int:
        """Run the tests of one file and store which functions each executes."""
        through: set[str] = set()
        pytest.MonkeyPatch().setattr(_RECORD, lambda name, **_: through.add(name))
        set_mutant_under_test("stats")
        told: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as room:
            _live_in(room)
            for at, item in enumerate(items):
                through.clear()
                self._failed = False
                start = time.process_time()
                _run(item, items[at + 1] if at + 1 < len(items) else None)
                seconds = time.process_time() - start
                if not self._failed and seconds < _SLOW:
                    told[item.nodeid] = {"seconds": round(seconds, 4), "functions": sorted(through)}
        keep(kept, {"tests": told, "modules": sorted(sys.modules)})
        return 0

    @staticmethod
    def _import(names: set[str]) -> None:
        """Import once what the forks would each import."""
        for name in sorted(names - sys.modules.keys()):
            if not name.startswith(("tests.", "__", "py.", "_pytest", "lambdas.", "relearn.")):
                with suppress(Exception):  # a fork can do without it
                    importlib.import_module(name)

    # the mutants

    def _try(
        self, items: Mapping[str, pytest.Item], passed: Mapping[str, Passed], through: Mapping[str, list[str]]
    ) -> None:
        waiting = list(reversed(self.mutants))
        running: dict[int, _Child] = {}
        while waiting or running:
            if waiting and len(running) < self.processes:
                mutant = waiting.pop()
                passing = through.get(mutant.function, [])
                chosen, seconds = chosen_tests(mutant, passing, passed)
                if not chosen:
                    self._ended(_Child(mutant, 0, len(passing), "", 0), _NO_TEST)
                    continue
                room = tempfile.mkdtemp(prefix="mutant-")
                tests = [(items[name], passed[name].seconds) for name in chosen]
                pid = _forked(lambda m=mutant, t=tests, r=room: self._run_on(m, t, r))  # type: ignore[misc]
                deadline = time.monotonic() + _PATIENCE * (_SPARE + seconds)
                running[pid] = _Child(mutant, len(chosen), len(passing), room, deadline)
                continue
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                child = running.pop(pid)
                self._ended(child, status)
                continue
            for late, child in running.items():
                if time.monotonic() > child.deadline:
                    os.killpg(late, signal.SIGXCPU)
                    child.deadline = float("inf")
            time.sleep(0.005)

    def _ended(self, child: _Child, status: int) -> None:
        if child.room:
            shutil.rmtree(child.room, ignore_errors=True)
        code = os.waitstatus_to_exitcode(status) if child.tests else _NO_TEST
        if code not in {_FOUND, _NOT_FOUND, _NO_TEST, -signal.SIGXCPU}:
            raise pytest.UsageError(f"{child.mutant.key} ended with {code}")
        killed = code in {_FOUND, -signal.SIGXCPU}
        self.tried.append(Tried(child.mutant, killed, child.tests, child.passing))
        done, missed = len(self.tried), sum(not each.killed for each in self.tried)
        self.say(
            f"{done}/{len(self.mutants)} {missed} missed: {child.mutant.key} {code} {child.tests}/{child.passing}\n"
        )

    def _run_on(self, mutant: Mutant, tests: Sequence[tuple[pytest.Item, float]], room: str) -> int:
        os.setpgid(0, 0)
        _live_in(room)
        set_mutant_under_test(mutant.key)
        following = [*(item for item, _ in tests[1:]), None]
        for (item, seconds), after in zip(tests, following, strict=True):
            most = int(time.process_time() + _SPARE * (1 + seconds))
            resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
            _run(item, after)
            if self._failed:
                return _FOUND
        return _NOT_FOUND


def _through(passed: Mapping[str, Passed]) -> dict[str, list[str]]:
    """Return the tests that execute each function."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, test in passed.items():
        for function in test.functions:
            found[function].append(name)
    return found


def chosen_tests(
    mutant: Mutant, passing: Sequence[str], passed: Mapping[str, Passed]
) -> tuple[list[str], float]:
    """Choose the tests of a mutant that fit into its time, and say how long they take.

    Quick tests come first, and those of many files before those of one: tests of one file take much the same way through a
    function, those of others its other branches. So the n-th quickest of a file waits as if it took n times as long; those in
    the module's own file do not.
    """
    words = set(mutant.module.rpartition(".")[2].split("_"))
    rank: Counter[str] = Counter()
    price = {}
    for name in sorted(passing, key=lambda name: (passed[name].seconds, name)):
        file = name.partition("::")[0]
        rank[file] += 1
        own = words <= set(Path(file).stem.split("_"))  # data_check and test_check_data.py
        price[name] = passed[name].seconds * (1 if own else rank[file])
    chosen: list[str] = []
    seconds = 0.0
    for name in sorted(price, key=lambda name: (price[name], name)):
        if chosen and seconds + passed[name].seconds > SECONDS:
            break
        chosen.append(name)
        seconds += passed[name].seconds
    return chosen, seconds


def _shared() -> str:
    """Return a digest of everything that any test may depend on besides its own file."""
    rooms = (
        "relearn",
        "preparation",
        "scoring",
        "pages",
        "lambdas",
        "training",
        "tests/moto",
        "tests/unit",
        "tests/models",
    )
    files = sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))
    return digest(*(path.read_text() for path in files if not path.name.startswith("test_")))


def _forked(work: Callable[[], int]) -> int:
    """Start work in a fork, whose exit code is its result; return the process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        code = work()
    except BaseException:  # noqa: BLE001 - it is told, and the exit code says it
        traceback.print_exc()
    finally:
        os._exit(code)


def _live_in(room: str) -> None:
    """Create temporary files inside a directory that the parent removes."""
    os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["TMPDIR"] = room
    tempfile.tempdir = room


def _run(item: pytest.Item, following: pytest.Item | None) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _warm_aws() -> None:
    """Load AWS's service models and moto once, before the forks."""
    import boto3  # noqa: PLC0415 - these take a second, and most tests need none of them
    from botocore.loaders import JSONFileLoader  # noqa: PLC0415
    from moto import mock_aws  # noqa: PLC0415

    read = cache(partial(JSONFileLoader.load_file, JSONFileLoader()))
    pytest.MonkeyPatch().setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
    with mock_aws():
        session = boto3.Session("test", "test", region_name="eu-west-1")
        for service in _CREATED:
            session.client(service)
        for service, call in _CALLED.items():
            getattr(session.client(service), call)()


def _warm_hypothesis() -> None:
    """Let Hypothesis load once what every fork would load."""

    @settings(max_examples=1, database=None, deadline=None)
    @given(st.text(), st.integers(), st.floats())
    def drawn(text: str, whole: int, number: float) -> None:
        del text, whole, number

    drawn()
