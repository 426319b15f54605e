"""Rows that one of two models has right and the other wrong, in all, by class and by slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from relearn.spec.model import Boolean, Category, Metric, ModelSpec, Number
from scoring.scorer import Scores
from training.data.dataset import Table
from training.fitting import flips
from training.fitting.tasks import Answers
from training.job import detail

CLASSES = ("no", "yes")
SPEC = ModelSpec(
    name="calls",
    title="Calls",
    columns=(
        Number("length"),
        Category("channel", values=("phone", "shop", "web"), optional=True),
        Boolean("again", optional=True),
    ),
    target=Category("outcome", values=CLASSES),
    metric=Metric("accuracy", minimum=0.1),
    slices=("channel", "again"),
)
ROWS = 60
CHANNEL = np.array([*["phone"] * 25, *["shop"] * 9, *["web"] * 15, *[""] * 11], object)
AGAIN = np.array([*[1.0] * 30, *[0.0] * 22, *[np.nan] * 8], np.float32)
TRUTH = np.array([*["no"] * 52, *["yes"] * 8], object)


def answers(*wrong: int) -> Answers:
    given = TRUTH.copy()
    given[list(wrong)] = np.where(given[list(wrong)] == "no", "yes", "no")
    chances = np.stack([given == "no", given == "yes"], axis=1).astype(np.float32)
    columns = {"length": np.zeros(ROWS, np.float32), "channel": CHANNEL, "again": AGAIN}
    return Answers(Table(columns, TRUTH), Scores(given, chances), CLASSES)


def test_flips_are_counted_in_all_and_by_true_class_of_ten_rows_or_more() -> None:
    found = flips.by_class(SPEC, answers(0, 1, 59), answers(1, 2, 3, 58))
    assert found == {
        "gained": 3, "lost": 2, "hidden": 1, "classes": [{"value": "no", "rows": 52, "gained": 2, "lost": 1}],
    }  # fmt: skip


def test_each_slice_has_its_rows_the_metric_of_both_models_and_the_flips() -> None:
    (channel, again) = flips.by_slice(SPEC, answers(0, 1), answers(1, 2, 3))
    assert channel["column"] == "channel"
    assert channel["slices"][0] == {
        "value": "phone", "rows": 25, "candidate": pytest.approx(23 / 25), "champion": pytest.approx(22 / 25),
        "gained": 2, "lost": 1,
    }  # fmt: skip
    assert [(one["value"], one["rows"]) for one in again["slices"]] == [(True, 30), (False, 22)]


def test_a_slice_of_fewer_than_ten_rows_is_counted_and_not_shown() -> None:
    (channel, again) = flips.by_slice(SPEC, answers(), answers())
    assert [one["value"] for one in channel["slices"]] == ["phone", "web", None]
    assert (channel["hidden"], again["hidden"]) == (1, 1)


def test_without_a_champion_slices_have_the_candidate_alone() -> None:
    assert flips.by_class(SPEC, answers(), None) is None
    first = flips.by_slice(SPEC, answers(0), None)[0]["slices"][0]
    assert (first["candidate"], first["champion"], first["gained"]) == (pytest.approx(24 / 25), None, None)


def test_a_mean_over_classes_is_undefined_in_a_slice_without_one() -> None:
    found = flips.by_slice(replace(SPEC, metric=Metric("f1_macro", minimum=0.1)), answers(), None)
    assert found[0]["slices"][0]["candidate"] is None


def test_an_error_by_slice_is_not_negated_and_the_closer_model_wins_a_row() -> None:
    spec = replace(SPEC, target=Number("price"), metric=Metric("mae", maximum=9.0))
    truth = np.arange(ROWS, dtype=np.float64)
    near, far = (
        Answers(
            Table(answers().evaluation_set.columns, truth),
            Scores((truth + off).astype(np.float32), None),
            (),
        )
        for off in (1, 2)
    )
    first = flips.by_slice(spec, near, far)[0]["slices"][0]
    assert (first["candidate"], first["champion"]) == pytest.approx((1.0, 2.0))
    assert (first["gained"], first["lost"]) == (25, 0)
    assert flips.by_class(spec, near, far) is None


def test_slices_are_shown_without_a_champion_that_was_compared_on_other_rows() -> None:
    report = {
        "flips": None,
        "slices": flips.by_slice(SPEC, answers(0), None),
        "curves": None,
        "champion": {"version": 3, "metrics": {"accuracy": 0.5}},
    }
    page = "".join(detail.sections(SPEC, report))
    assert "accuracy by channel" in page
    assert "Champion" not in page
