"""The feature set of a model with tables is judged before the fit, and shown on a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from relearn.data import profiles
from relearn.data.profiles import Profile
from relearn.errors import DataError
from relearn.spec.model import Boolean, Category, DateTime, Metric, ModelSpec, Number, Text
from relearn.spec.quality import Quality
from scoring.container import Container, Job
from training.data.dataset import Dataset, Table
from training.job import feature_quality

SPEC = ModelSpec(
    name="shop",
    title="Shop",
    columns=(
        Number("spent", optional=True),
        Category("plan", values=("a", "b"), optional=True),
        Boolean("paid", optional=True),
        DateTime("since", optional=True),
        Text("note", optional=True),
    ),
    target=Category("outcome", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.5),
)
NAN = float("nan")
ROWS = Table(
    {
        "spent": np.array([NAN, 1.0, -2.0, 0.0], dtype=np.float32),
        "plan": np.array(["a", "a", "b", ""], dtype=object),
        "paid": np.array([1.0, 0.0, NAN, 1.0], dtype=np.float32),
        "since": np.array([0.0, 31.0, 31.5, NAN], dtype=np.float32),
        "note": np.array(["", "abc", "d", "ef"], dtype=object),
    },
    np.array(["no", "no", "yes", "no"], dtype=object),
)
DATASET = Dataset(ROWS.where(np.array([0, 1])), ROWS.where(np.array([2, 3])), "f", 1, {})


def judge(tmp_path: Path, **quality: object) -> Profile:
    spec = replace(SPEC, quality=Quality(**quality))  # type: ignore[arg-type]
    return feature_quality.check(spec, DATASET, Container(tmp_path), Job.of(spec, {"run_id": "run-1"}))


def test_rows_of_both_sides_are_described() -> None:
    found = feature_quality.describe(SPEC, DATASET)
    spent, note = found.columns["spent"], found.columns["note"]
    assert found.rows == 4
    assert (spent.missing, spent.low, spent.high, spent.total) == (1, -2.0, 1.0, -1.0)
    assert spent.bins() == [(profiles.bin_of(-2.0), 1), (0, 1), (profiles.bin_of(1.0), 1)]
    assert found.columns["plan"].counts == {"a": 2, "b": 1}
    assert found.columns["paid"].counts == {"true": 2, "false": 1}
    assert found.columns["since"].counts == {"2000-01": 1, "2000-02": 2}
    assert (note.low, note.high, note.missing) == (1.0, 3.0, 1)


def test_a_time_before_2000_counts_in_its_own_month() -> None:
    rows = replace(ROWS, columns={**ROWS.columns, "since": np.array([-0.5, -31.0, -31.25, 0.25], np.float32)})
    dataset = Dataset(rows.where(np.array([0, 1])), rows.where(np.array([2, 3])), "f", 1, {})
    found = feature_quality.describe(SPEC, dataset)
    assert found.columns["since"].counts == {"1999-12": 2, "1999-11": 1, "2000-01": 1}


def test_features_as_demanded_are_shown_on_a_page(tmp_path: Path) -> None:
    judge(tmp_path, max_missing={"spent": 0.25})
    page = (Container(tmp_path).output / feature_quality.PAGE).read_text()
    assert "This data is as the spec demands." in page


def test_features_that_lack_more_than_allowed_end_the_job_before_the_fit(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"features.spent: 1 of 4 rows \(25.0%\) lack it; allowed: 20.0%"):
        judge(tmp_path, max_missing={"spent": 0.2})
    assert "may not be trained on" in (Container(tmp_path).output / feature_quality.PAGE).read_text()
