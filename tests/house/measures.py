"""Measures of the source tree, computed from the files."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import grimp

from tests.house import reference

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("relearn", "preparation", "scoring", "pages", "training", "lambdas", "infra"),
    *("local", "demo", "cli", "bench", "tests", "examples", "clients/python"),
)
"""Folders whose Python files are counted, including those of models."""
PACKAGES = (
    "relearn",
    "preparation",
    "scoring",
    "pages",
    "training",
    "lambdas",
    "infra",
    "local",
    "demo",
    "cli",
)
"""Packages that must be free of import cycles."""


def sources(room: str) -> list[Path]:
    """Return the Python files of a folder, including tests beside models."""
    return sorted((ROOT / room).rglob("*.py"))


def lines() -> dict[str, int]:
    """Return the number of lines of Python in every folder."""
    return {room: sum(len(path.read_text("utf-8").splitlines()) for path in sources(room)) for room in ROOMS}


def largest_file() -> tuple[str, int]:
    """Return path and number of lines of the longest file outside of the tests."""
    found = [path for room in PACKAGES for path in sources(room)]
    longest = max(found, key=lambda path: len(path.read_text("utf-8").splitlines()))
    return longest.relative_to(ROOT).as_posix(), len(longest.read_text("utf-8").splitlines())


def longest_function() -> tuple[str, int]:
    """Return name and number of lines of the longest function outside of the tests."""
    return max(
        (
            (f"{path.relative_to(ROOT).as_posix()}::{node.name}", (node.end_lineno or 0) - node.lineno + 1)
            for room in PACKAGES
            for path in sources(room)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ),
        key=lambda found: found[1],
    )


def circles() -> dict[str, set[tuple[str, str]]]:
    """Return the import cycles among the children of every package: package to the imports that close them."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    found = {}
    todo = list(PACKAGES)
    while todo:
        package = todo.pop()
        todo += graph.find_children(package)
        if breakers := graph.nominate_cycle_breakers(package):
            found[package] = breakers
    return found


def prediction() -> Mapping[str, int]:
    """Return counts of one prediction request: ``modules`` and ``calls`` of ours, maximum ``depth`` of frames."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.prediction"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found


def unit_start_seconds() -> float:
    """Return how long pytest takes to collect the domain's tests, in seconds, the least of three."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/unit/relearn",
    ]
    times = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    return min(times)


def undocumented() -> list[str]:
    """Return what lacks documentation: definitions, Makefile targets, and stale pages of docs/reference."""
    return [*_without_docstring(), *_targets(), *reference.stale()]


def _without_docstring() -> Iterator[str]:
    for room in PACKAGES:
        for path in sources(room):
            if "tests" in path.parts:
                continue
            where = path.relative_to(ROOT).as_posix()
            tree = ast.parse(path.read_text("utf-8"))
            if ast.get_docstring(tree) is None:
                yield where
            yield from (f"{where}::{name}" for name in _bare(tree))


def _bare(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Yield the public definitions of a module or class, and of its public classes, without a docstring."""
    for node in tree.body:
        if not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{name}" for name in _bare(node))


def _targets() -> Iterator[str]:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    for name in phony[1].split() if phony else ():
        if not re.search(rf"^{re.escape(name)}:.*## \S", text, re.MULTILINE):
            yield f"Makefile: {name}"
