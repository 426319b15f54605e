"""Every bench runs, small, and says what it promises; which file is a bench is found, so that none is forgotten."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

import pytest

from bench import apps, hosting
from tests.bench.listed import BENCHES, FILES, PARTS, ROOT, figures, needs_stage, small


@pytest.mark.parametrize("name", [name for name in BENCHES if not needs_stage(name)])
def test_a_bench_runs_and_its_last_line_has_the_figures_it_documents(name: str) -> None:
    assert small(name).keys() == figures(name) != set()


@pytest.mark.parametrize("name", PARTS)
def test_a_file_that_promises_no_figures_is_a_part_of_a_bench(name: str) -> None:
    used = re.compile(rf"\b(?:bench(?:\.| import .*){name}|{name}\.py)\b")
    assert any(used.search(path.read_text()) for other, path in FILES.items() if other != name)


def test_make_bench_runs_every_bench() -> None:
    done = subprocess.run(["make", "-n", "bench"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"bench/(\w+)\.py", done.stdout)) == set(BENCHES)


def test_the_copies_whose_hosting_modes_are_compared_are_models(tmp_path: Path) -> None:
    apps.copied(tmp_path / "app", hosting.copies())
    for mode, (name, _) in hosting.MODELS.items():
        spec = runpy.run_path(str(tmp_path / "app/training/models" / name / "spec.py"))["SPEC"]
        assert (spec.name, type(spec.hosting).__name__) == (name, mode)
