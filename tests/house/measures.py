"""Measures of the source tree, each found anew from the files."""

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
"""Folders whose Python files count, models' included."""
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
"""Packages that must be free of circles."""


def sources(room: str) -> list[Path]:
    """Give the Python files of a room, tests beside models included."""
    return sorted((ROOT / room).rglob("*.py"))


def lines() -> dict[str, int]:
    """Count the lines of Python of every room."""
    return {room: sum(len(path.read_text("utf-8").splitlines()) for path in sources(room)) for room in ROOMS}


def largest_file() -> tuple[str, int]:
    """Find the longest file outside the tests: path from the root, and lines."""
    found = [path for room in PACKAGES for path in sources(room)]
    longest = max(found, key=lambda path: len(path.read_text("utf-8").splitlines()))
    return longest.relative_to(ROOT).as_posix(), len(longest.read_text("utf-8").splitlines())


def longest_function() -> tuple[str, int]:
    """Find the longest function outside the tests: path and name, and lines."""
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
    """Find the circles among the children of every package: package to the imports that close them."""
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
    """Count what one prediction request passes: ``modules`` of the house, ``calls`` of their functions, ``depth`` of frames."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.prediction"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found


def unit_start_seconds() -> float:
    """Time pytest until it has collected the tests of the domain: s, the least of three."""
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
    """List what has no documentation: definitions without a docstring, targets of Make, pages of docs/reference."""
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
    """Name the public definitions of a module or class, and of its public classes, that have no docstring."""
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
