"""The reference that a training job compares with beside the champion, and what becomes of one that it cannot use."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from relearn.spec.model import Metric
from scoring import artifact
from scoring.scorer import Scores
from tests.support.training_kit import NUMBERS, numbers_archive, numbers_table, packed
from training.data import views
from training.data.learnt import Learner, Learnt
from training.job import reference
from training.job.champion import Rival
from training.job.reference import Reference

HOLDOUT = numbers_table(200, seed=5)
RIGHT = Scores(HOLDOUT.target, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make the archive of a reference trained for `NUMBERS`."""
    return numbers_archive(tmp_path)


def unusable(found: Rival) -> str:
    assert found.measured is None
    assert found.incompatible is not None
    assert found.incompatible["version"] == 3
    return str(found.incompatible["reason"])


def test_where_the_champion_is_its_own_reference_nothing_is_measured(tmp_path: Path) -> None:
    found = reference.read(tmp_path / "none", None, "")
    assert found == Reference()
    assert reference.measure(NUMBERS, found, HOLDOUT, RIGHT) == Rival()


def test_it_is_measured_with_an_interval(path: Path) -> None:
    found = reference.read(path, 3, hashlib.sha256(path.read_bytes()).hexdigest())
    measured = reference.measure(NUMBERS, found, HOLDOUT, RIGHT).measured
    assert measured is not None
    assert measured["version"] == 3
    assert measured["comparison"]["rows"] == len(HOLDOUT)


def test_one_that_was_changed_since_is_not_compared_with_and_the_job_goes_on(path: Path) -> None:
    found = reference.read(path, 3, "0" * 64)
    reason = unusable(reference.measure(NUMBERS, found, HOLDOUT, RIGHT))
    assert reason == "its artifact was changed since it was judged"
    assert found.learners == []


def test_one_whose_graph_was_damaged_is_not_compared_with(path: Path) -> None:
    model = path.parent / "model"
    (model / artifact.ONNX).write_bytes(b"damaged")
    found = reference.read(packed(model, path), 3, "")
    assert "its artifact is damaged: model.onnx has SHA-256" in unusable(
        reference.measure(NUMBERS, found, HOLDOUT, RIGHT)
    )


def test_one_whose_graph_does_not_load_is_not_compared_with(path: Path) -> None:
    model = path.parent / "model"
    meta = json.loads((model / artifact.META).read_text(encoding="utf-8"))
    artifact.write(model, b"", {**meta, "onnx_sha256": artifact.sha256(b"")})
    found = reference.read(packed(model, path), 3, "")
    assert unusable(reference.measure(NUMBERS, found, HOLDOUT, RIGHT)).startswith("its artifact is damaged")


def test_one_whose_record_of_what_it_learnt_is_damaged_is_not_compared_with(path: Path) -> None:
    model = path.parent / "model"
    (model / artifact.LEARNT).write_bytes(b"{}")
    found = reference.read(packed(model, path), 3, "")
    assert unusable(reference.measure(NUMBERS, found, HOLDOUT, RIGHT)).startswith("its artifact is damaged")


def test_one_that_cannot_answer_says_why(path: Path) -> None:
    spec = replace(NUMBERS, columns=NUMBERS.columns[:2])
    found = reference.read(path, 3, "")
    everything = np.ones(len(HOLDOUT), bool)
    assert found.learner is not None
    view = views.of(
        spec, Learner(found.learner.spec, Learnt()), 0, dict(HOLDOUT.columns), everything, HOLDOUT.columns
    )
    assert unusable(reference.measure(spec, found, HOLDOUT, RIGHT, view=view)) == (
        "it needs c, which the spec no longer has"
    )


def test_one_without_an_interval_is_not_compared_with(path: Path) -> None:
    """Rows of one class have no area under the curve."""
    spec = replace(NUMBERS, metric=Metric("roc_auc", minimum=0.5))
    rows = HOLDOUT.where(HOLDOUT.target == "yes")
    mine = Scores(rows.target, np.tile([0.0, 1.0], (len(rows), 1)))
    found = reference.read(path, 3, "")
    told = unusable(reference.measure(spec, found, rows, mine, classes=("no", "yes")))
    assert told == "roc_auc is undefined on the rows held out"
