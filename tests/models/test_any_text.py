"""A CSV with a text and a label column is all that a text model needs: everything else is the ordinary way."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.models.conftest import ROOT

SPEC = """
from relearn.spec.model import Category, Metric, ModelSpec, Text

SPEC = ModelSpec(
    name="moods",
    title="How somebody feels about it",
    columns=(Text("text", optional=True),),
    target=Category("label", values=("good", "bad")),
    metric=Metric("f1_macro", minimum=0.8),
)
"""
MODEL = """
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from training.fitting.token_counts import TokenCounts


def build():
    return make_pipeline(TokenCounts(), TfidfTransformer(sublinear_tf=True), LogisticRegression())
"""
SAID = {
    "good": ["とても良い", "I like it", "great 👍", "très bien", "満足です"],
    "bad": ["最悪です", "awful", "不満", "je n'aime pas", "broken 👎"],
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished job of a model that is a spec, a build and a CSV file."""
    home = tmp_path_factory.mktemp("moods")
    without = shutil.ignore_patterns("__pycache__", "models")
    for package in ("relearn", "preparation", "scoring", "pages", "training"):
        shutil.copytree(ROOT / package, home / package, ignore=without)
    model = home / "training" / "models" / "moods"
    model.mkdir(parents=True)
    (model / "spec.py").write_text(SPEC, encoding="utf-8")
    (model / "model.py").write_text(MODEL, encoding="utf-8")
    random = Random(1)
    with (model / "seed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        for _ in range(200):
            label = random.choice(list(SAID))
            writer.writerow((" ".join(random.choices(SAID[label], k=2)), label))
    base = home / "ml"
    (base / "input" / "config").mkdir(parents=True)
    (base / "input" / "config" / "hyperparameters.json").write_text('{"model": "moods"}', encoding="utf-8")
    prepared = run(
        home,
        base,
        "prepare",
        "--model",
        "moods",
        "--input",
        str(model / "seed.csv"),
        "--output",
        str(home / "out"),
    )
    (base / "input" / "data" / "train").mkdir(parents=True)
    shutil.copy(json.loads(prepared)["shard"], base / "input" / "data" / "train" / "seed.parquet")
    run(home, base, "train")
    return base


def run(home: Path, base: Path, *command: str) -> str:
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "training", *command],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_trained_measured_and_explained(base: Path) -> None:
    report: dict[str, Any] = json.loads(
        (base / "output" / "data" / "report.json").read_text(encoding="utf-8")
    )
    assert report["candidate"]["metrics"]["f1_macro"] > 0.9
    assert report["agreement"]["labels_identical"] is True
    assert {"good", "bad"} == set(report["candidate"]["terms"])
    assert "awful" in [term for term, _ in report["candidate"]["terms"]["bad"]]


def test_its_page_shows_the_terms(base: Path) -> None:
    page = (base / "output" / "data" / "report.html").read_text(encoding="utf-8")
    assert "What speaks for each class" in page
    assert "「満足" in page


def test_its_artifact_is_three_files_and_says_that_the_text_becomes_tokens(base: Path) -> None:
    names = sorted(path.name for path in (base / "model").iterdir())
    assert names == ["learnt.json", "model.json", "model.onnx"]
    meta = json.loads((base / "model" / "model.json").read_text(encoding="utf-8"))
    assert meta["inputs"] == [{"name": "Tokens", "type": "tokens", "columns": ["text"]}]
