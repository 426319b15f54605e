"""``python -m tests.mutants``: prints a table of the survivors, then one line of JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from tests.mutants import equivalent
from tests.mutants.making import ROOT, Importer, Mutant, Mutated, made
from tests.mutants.sample import AIM, Found, drawn, is_wording
from tests.mutants.trying import Trials, Tried

USE_CASES = ("uploads", "runs", "rollout", "serving", "batches", "maintenance", "http", "runtime")
SOURCES = (
    "relearn/**/*.py",
    "lambdas/*.py",
    "lambdas/handlers/*.py",
    *(f"lambdas/{room}/*.py" for room in USE_CASES),
)
"""The domain and the use cases; AWS adapters are omitted because they decide nothing."""
TESTS = ("tests/unit", "tests/moto")
# Of a module that is called smoke_test pytest would load the source, not the mutants.
_QUIET = (
    "-opython_files=test_*.py",
    "--capture=sys",
    "-oaddopts=",
    "-pno:schemathesis",
    "-pno:cacheprovider",
    "-pno:terminal",
)
OTHERS = tuple(ROOT / "tests" / "unit" / room for room in ("cli", "demo", "house", "training"))
"""Folders of tests for packages without mutants."""


class Chosen:
    """pytest plugin that ignores tests of other packages."""

    @staticmethod
    def pytest_ignore_collect(collection_path: Path) -> bool | None:
        """Ignore a folder of `OTHERS`."""
        return True if collection_path in OTHERS else None


def counted(mutated: list[Mutated], only: str) -> dict[str, list[Mutant]]:
    """Return the mutants that count, by module."""
    return {
        each.module: [
            mutant
            for mutant in each.mutants()
            if not is_wording(mutant.diff) and not equivalent.is_declared(mutant)
        ]
        for each in mutated
        if each.names and (each.module + ".").startswith(only)
    }


def run(mutants: list[Mutant], mutated: list[Mutated], tests: list[str], processes: int) -> Found:
    """Try mutants on tests.

    Raises
    ------
    SystemExit
        When pytest ends before every mutant is tried.
    """
    Importer(mutated).install()
    trials = Trials([each.module for each in mutated], mutants, processes, sys.stderr.write)
    code = pytest.main([*_QUIET, *tests], plugins=[Chosen(), trials])
    if code != pytest.ExitCode.OK:
        raise SystemExit(f"the tests ended with {code!r} before every mutant was tried")
    return Found(len(mutants), [(each.mutant, _why(each)) for each in trials.tried if not each.killed])


def _why(tried: Tried) -> str:
    if not tried.passing:
        return "no test passes through it"
    return f"{tried.tests} tests ran of {tried.passing} that pass through it"


def main() -> int:
    """Try mutants, print the results, and return 1 when too few are killed."""
    parser = argparse.ArgumentParser(
        prog="make mutants", description="Change the domain and the use cases, and see who notices."
    )
    parser.add_argument("--mutants", type=int, default=320, help="how many, drawn from all (default: 320)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: 1)")
    parser.add_argument(
        "--sources", nargs="+", default=SOURCES, help=f"what has mutants (default: {' '.join(SOURCES)})"
    )
    parser.add_argument(
        "--only",
        default="",
        help="draw of modules alone whose names begin so: relearn. or lambdas.handlers.sweep.",
    )
    parser.add_argument(
        "--tests", nargs="+", default=TESTS, help=f"where the tests are (default: {' '.join(TESTS)})"
    )
    parser.add_argument("--processes", type=int, default=2, help="how many are tried at once (default: 2)")
    asked = parser.parse_args()
    mutated = made(sorted(path for pattern in asked.sources for path in ROOT.glob(pattern)))
    mutants = drawn(counted(mutated, asked.only), asked.mutants, asked.seed)
    found = run(mutants, mutated, list(asked.tests), asked.processes)
    sys.stdout.write(found.table() + found.line() + "\n")
    return int(found.share < AIM)


if __name__ == "__main__":
    sys.exit(main())
