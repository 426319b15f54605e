"""Rows that one of two models has right and the other wrong, in all, by class and by slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from relearn.spec.model import Boolean, Category, Metric, ModelSpec, Number
from scoring.encode import Array
from scoring.scorer import Scores
from training.data.dataset import Table
from training.fitting import flips
from training.fitting.shared import Shared
from training.fitting.tabular import part
from training.fitting.tasks import Answers
from training.job import detail
from training.job.champion import Rival

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
        "gained": 3, "lost": 2, "rows": 60, "hidden": 1, "classes": [{"value": "no", "rows": 52, "gained": 2, "lost": 1}],
    }  # fmt: skip


def test_each_slice_has_its_rows_the_metric_of_both_models_and_the_flips() -> None:
    (channel, again) = flips.by_slice(SPEC, answers(0, 1), answers(1, 2, 3))
    assert channel["column"] == "channel"
    assert channel["slices"][0] == {
        "value": "phone", "rows": 25, "candidate": pytest.approx(23 / 25), "champion": pytest.approx(22 / 25),
        "gained": 2, "lost": 1, "shared": None,
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


def compared_on(rows: Array, theirs: Answers, classes: tuple[str, ...] = CLASSES) -> Rival:
    """A champion of an earlier spec, which answers some of the rows about some of the classes."""
    shared = Shared(
        replace(SPEC, target=Category("outcome", values=classes)),
        rows,
        tuple(set(CLASSES_NOW) - set(classes)),
        incomplete=int((~rows).sum()),
    )
    return Rival(
        measured={"version": 3, "metrics": {"accuracy": 0.5}},
        shared=shared,
        shared_answers=part(theirs, rows),
    )


CLASSES_NOW = (*CLASSES, "later")
NOW = replace(SPEC, target=Category("outcome", values=CLASSES_NOW))


def test_slices_and_classes_show_a_champion_on_the_rows_that_it_can_answer_and_the_candidate_on_these_too() -> (
    None
):
    rows = (np.arange(ROWS) >= 5) & (np.arange(ROWS) < 42)  # 20 of phone, none missing
    found = detail.look(SPEC, answers(0, 1, 6), compared_on(rows, answers(1, 7, 8)))
    phone, web = found["slices"][0]["slices"][:2]
    assert phone == {
        "value": "phone", "rows": 25, "candidate": pytest.approx(22 / 25), "champion": pytest.approx(18 / 20),
        "gained": 2, "lost": 1, "shared": {"rows": 20, "candidate": pytest.approx(19 / 20)},
    }  # fmt: skip
    assert (web["value"], web["rows"], web["champion"], web["gained"]) == ("web", 15, None, None)
    assert web["shared"] == {"rows": 8, "candidate": None}
    assert (found["flips"]["gained"], found["flips"]["lost"], found["flips"]["rows"]) == (2, 1, 37)
    page = "".join(detail.sections(SPEC, {**found, "champion": {"version": 3}}))
    assert "Of 37 rows that both answered" in page
    assert '<th scope="row">true</th>' in page
    assert (
        '<th scope="row">phone</th><td>25</td><td>0.8800</td><td>20</td><td>0.9500</td><td>0.9000</td><td>2</td><td>1</td>'
        in page
    )


def test_a_class_that_the_champion_does_not_know_is_no_flip() -> None:
    rows = TRUTH == "no"
    truth = np.where(rows, TRUTH, "later").astype(object)
    mine = answers(0, 1).scores
    given = np.where(rows, mine.predictions, "later").astype(object)
    chances = np.eye(3, dtype=np.float32)[[CLASSES_NOW.index(label) for label in given]]
    candidate = Answers(Table(answers().evaluation_set.columns, truth), Scores(given, chances), CLASSES_NOW)
    found = detail.look(NOW, candidate, compared_on(rows, answers(1, 2, 3)))
    assert (found["flips"]["rows"], found["flips"]["gained"], found["flips"]["lost"]) == (52, 2, 1)


def test_without_a_champion_the_page_has_the_candidate_alone() -> None:
    found = detail.look(SPEC, answers(0), Rival())
    page = "".join(detail.sections(SPEC, {**found, "champion": None}))
    assert "accuracy by channel" in page
    assert "Champion" not in page
