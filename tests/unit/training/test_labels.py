"""Rows whose label contradicts the rest of the data are listed by upload and row, worst first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from scoring.encode import Array
from scoring.scorer import Scores
from tests.support.training_kit import NUMBERS, REGRESSION
from training.data.dataset import Dataset, Table
from training.fitting import labels, lighter
from training.fitting.fit import frame
from training.fitting.tasks import Answers

ROWS = 1_200


def rows(*, regression: bool = False) -> tuple[Table, Array]:
    """Rows of a clear pattern, every 20th with another label or value, and a mask of these."""
    generator = np.random.default_rng(0)
    columns = {name: generator.normal(size=ROWS).astype(np.float32) for name in ("a", "b", "c")}
    score = columns["a"] * 3 + columns["b"] + generator.normal(scale=0.2, size=ROWS)
    wrong = np.arange(ROWS) % 20 == 7
    if regression:
        return Table(columns, np.where(wrong, score + 30, score).astype(np.float64)), wrong
    return Table(columns, np.where((score > 0) ^ wrong, "yes", "no").astype(object)), wrong


def dataset(table: Table) -> Dataset:
    """Two uploads, of which the second begins in the middle; every fourth row is held out."""
    places, numbers = np.arange(ROWS) * 2 // ROWS, np.arange(ROWS) % (ROWS // 2) + 1
    held = np.arange(ROWS) % 4 == 0
    return Dataset(
        table.where(~held), table.where(held), "", 2, {}, uploads=("first", "second"),
        train_upload=places[~held], holdout_upload=places[held],
        train_row=numbers[~held], holdout_row=numbers[held],
    )  # fmt: skip


def answers(learnt: Table, asked: Table) -> Answers:
    if learnt.target.dtype != object:
        values = Ridge().fit(frame(learnt.columns), learnt.target).predict(frame(asked.columns))
        return Answers(asked, Scores(values, None), ())
    model = LogisticRegression().fit(frame(learnt.columns), learnt.target)
    given = frame(asked.columns)
    return Answers(asked, Scores(model.predict(given), model.predict_proba(given)), tuple(model.classes_))


def checked(data: Dataset, *, regression: bool = False, private: bool = False) -> labels.Labels:
    spec = REGRESSION if regression else NUMBERS
    spec = replace(spec, target=replace(spec.target, private=private))
    found = labels.check(
        spec,
        data,
        lambda learns, asked: answers(data.train.where(learns), asked),
        answers(data.train, data.holdout),
    )
    assert found is not None
    return found


@pytest.mark.parametrize("regression", [False, True])
def test_wrong_labels_are_found_by_upload_and_row_and_few_right_ones(*, regression: bool) -> None:
    table, wrong = rows(regression=regression)
    found = checked(dataset(table), regression=regression)
    listed = {(one.upload, one.row) for one in found.suspects}
    bad = {("first" if at < ROWS // 2 else "second", at % (ROWS // 2) + 1) for at in np.flatnonzero(wrong)}
    assert len(listed & bad) >= 0.85 * len(listed)
    assert (found.checked, found.rows) == (ROWS, ROWS)
    assert found.count >= 0.8 * wrong.sum()


def test_the_worst_come_first_with_what_is_expected_instead() -> None:
    table, wrong = rows()
    found = checked(dataset(table)).suspects
    assert all(one.given != one.expected for one in found)
    first = found[0]
    at = (first.upload == "second") * ROWS // 2 + first.row - 1
    assert wrong[at]
    assert first.given == table.target[at]
    assert first.confidence > 0.9


@pytest.mark.parametrize("regression", [False, True])
def test_of_a_private_target_rows_are_listed_without_their_values(*, regression: bool) -> None:
    data = dataset(rows(regression=regression)[0])
    named, private = (
        checked(data, regression=regression, private=hidden).suspects for hidden in (False, True)
    )
    assert [(one.upload, one.row) for one in private] == [(one.upload, one.row) for one in named]
    assert {(one.given, one.expected) for one in private} == {("(private)", "(private)")}


def test_a_wrong_value_of_a_regression_has_its_distance() -> None:
    first = checked(dataset(rows(regression=True)[0]), regression=True).suspects[0]
    assert isinstance(first.given, float)
    assert isinstance(first.expected, float)
    assert first.given - first.expected > 20
    assert first.confidence > labels.FAR


def test_the_list_is_bounded_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST_LISTED", 5)
    found = checked(dataset(rows()[0]))
    assert (len(found.suspects), found.count > 40) == (5, True)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of these tests are many."""
    monkeypatch.setattr(lighter, "MANY_ROWS", 500)
    monkeypatch.setattr(lighter, "SMALLEST", 120)
    monkeypatch.setattr(labels, "ANSWERED", 200)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("on_trial", "before"), [([], False), (["second"], True), (["first", "second"], False)]
)
def test_of_many_rows_one_fit_of_a_part_answers_a_part_and_says_so(
    on_trial: list[str], *, before: bool
) -> None:
    data, learnt = dataset(rows()[0]), []

    def fit(learns: Array, asked: Table) -> Answers:
        learnt.append(learns)
        return answers(data.train.where(learns), asked)

    found = labels.check(NUMBERS, data, fit, answers(data.train, data.holdout), on_trial)
    assert found is not None
    assert (found.checked, found.rows, len(learnt)) == (400, 1_200, 1)
    assert 40 < learnt[0].sum() < 160
    assert data.train_upload is not None
    assert (set(data.train_upload[learnt[0]]) == {0}) is before


@pytest.mark.parametrize(("regression", "enough"), [(False, 60), (True, 30)])
def test_of_few_rows_nothing_is_listed(*, regression: bool, enough: int) -> None:
    data = dataset(rows(regression=regression)[0])
    spec = REGRESSION if regression else NUMBERS

    def found(count: int) -> labels.Labels | None:
        few = replace(data, train=data.train.where(np.arange(count)))
        return labels.check(
            spec,
            few,
            lambda learns, asked: answers(few.train.where(learns), asked),
            answers(data.train, data.holdout),
        )

    assert found(enough - 1) is None
    assert found(enough) is not None


def test_no_row_is_answered_by_a_fit_that_has_learnt_it() -> None:
    data = dataset(rows()[0])
    numbers = np.arange(len(data.train))
    data = replace(data, train=Table({"a": numbers, "b": numbers, "c": numbers}, data.train.target))

    def fit(learns: Array, asked: Table) -> Answers | None:
        assert not learns[asked.columns["a"]].any()
        return None

    held = Answers(data.holdout, Scores(data.holdout.target, np.ones((len(data.holdout), 2))), ("no", "yes"))
    assert labels.check(NUMBERS, data, fit, held) is None


def test_rows_without_an_upload_are_not_checked() -> None:
    data = replace(dataset(rows()[0]), train_upload=None)
    assert labels.check(NUMBERS, data, lambda *_: None, answers(data.train, data.holdout)) is None
