"""A folder copied from the template is a model: it passes what every model must pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.conftest import ROOT
from training.scaffold import new_model


@pytest.mark.parametrize(
    "tables",
    [pytest.param(False, id="one table"), pytest.param(True, id="several tables", marks=pytest.mark.long)],
)
def test_a_new_model_passes_the_conformance_suite_and_its_own_tests_as_it_is(
    tmp_path: Path, *, tables: bool
) -> None:
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "relearn", tmp_path / "relearn", ignore=without)
    shutil.copytree(ROOT / "training", tmp_path / "training", ignore=without)
    models = tmp_path / "training" / "models"
    for folder in models.glob("[!_.]*/"):
        if folder.is_dir():
            shutil.rmtree(folder)
    own = new_model("late-parcels", models, tables=tables) / "tests"
    suite = tmp_path / "tests" / "models"
    suite.mkdir(parents=True)
    (tmp_path / "tests" / "__init__.py").touch()
    for name in ("__init__.py", "conftest.py", "rankings.py", "test_conformance.py"):
        shutil.copy(Path(__file__).with_name(name), suite / name)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-v",
            "-p",
            "no:cacheprovider",
            "-m",
            "not long",
            "--rootdir",
            str(tmp_path),
            str(suite),
            *([str(own)] if tables else []),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = (
        "training/models/late-parcels/tests/test_late_parcels_features.py::test_no_feature_sees_the_future"
    )
    assert (f"{shown} PASSED" in done.stdout) == tables
    assert "test_the_server_answers_the_sample_as_the_estimator_does[late-parcels] PASSED" in done.stdout
