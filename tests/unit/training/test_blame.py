"""Which uploads are to blame for a loss: fits on the data that served before, without and with each new upload."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from relearn.lifecycle.blame import Blame
from relearn.lifecycle.comparison import Comparison
from relearn.spec.model import Metric, Training
from scoring.encode import Array
from scoring.scorer import Scores
from tests.support.training_kit import NUMBERS
from training.data.dataset import Dataset, Table
from training.fitting import blame
from training.fitting.fit import frame
from training.fitting.tasks import Answers

SPEC = replace(NUMBERS, metric=Metric("accuracy", minimum=0.5), training=Training(holdout=0.25))
GOOD, SWAPPED = 0.0, 1.0


def upload(rows: int, wrong: float, seed: int) -> Table:
    """Rows of three numbers, of which the first tells the class; a share has the other label."""
    generator = np.random.default_rng(seed)
    columns = {name: generator.normal(size=rows).astype(np.float32) for name in ("a", "b", "c")}
    yes = columns["a"] + 0.3 * generator.normal(size=rows) > 0
    yes ^= generator.random(rows) < wrong
    return Table(columns, np.where(yes, "yes", "no").astype(object))


def dataset(base: int, uploads: Sequence[tuple[int, float]]) -> Dataset:
    """Old data of ``base`` rows, and uploads of so many rows, of which a share is wrong; a quarter is held out."""
    tables = [
        upload(base, GOOD, 0),
        *(upload(rows, wrong, 1 + at) for at, (rows, wrong) in enumerate(uploads)),
    ]
    whole, places = tables[0], np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    for table in tables[1:]:
        whole = whole.and_also(table)
    held = np.arange(len(whole)) % 4 == 0
    names = ("old", *(f"new{at}" for at in range(len(uploads))))
    return Dataset(
        whole.where(~held), whole.where(held), "", len(tables), {}, uploads=names,
        train_upload=places[~held], holdout_upload=places[held], holdout_row=1 + np.flatnonzero(held),
        holdout_line=2 + 3 * np.flatnonzero(held),
    )  # fmt: skip


def fitted(data: Dataset, rows: Array, asked: Table | None = None) -> Answers | None:
    table, asked = data.train.where(rows), asked or data.holdout
    if len(set(table.target)) < 2:
        return None
    estimator = LogisticRegression().fit(frame(table.columns), table.target)
    given = frame(asked.columns)
    scores = Scores(estimator.predict(given), estimator.predict_proba(given))
    return Answers(asked, scores, tuple(estimator.classes_))


def old(data: Dataset) -> Array:
    return np.asarray(np.asarray(data.train_upload) == 0)


def find(
    data: Dataset,
    *,
    fits: int = 8,
    until: float = 1e9,
    clock: Callable[[], float] = lambda: 0.0,
    champion: blame.Champion | None = None,
    on_trial: Sequence[str] = ("new",),
) -> Blame | None:
    served = fitted(data, old(data))
    assert served is not None
    limits = blame.Limits(fits, until, clock)
    known = champion or blame.Champion(served, int(old(data).sum()))
    return blame.find(SPEC, data, on_trial, lambda *given: fitted(data, *given), known, limits)


def blamed(found: Blame | None) -> Mapping[str, str]:
    assert found is not None
    return found.by_upload("accuracy")


def test_the_one_bad_upload_among_five_is_blamed_with_figures() -> None:
    found = find(dataset(400, [(200, GOOD), (200, GOOD), (900, SWAPPED), (200, GOOD), (200, GOOD)]))
    assert blamed(found).keys() == {"new2"}
    figures = blamed(found)["new2"]
    assert figures.startswith("without it: accuracy 0.8")
    assert ", with it: 0.1" in figures
    assert " on 100 held-out rows; the champion's accuracy is 0.1" in figures
    assert " on its rows and 0.8600 on those held out before; for example its lines " in figures


def test_rows_of_an_upload_to_blame_that_the_champion_contradicts_most_are_examples() -> None:
    data = dataset(400, [(200, GOOD), (900, SWAPPED)])
    served = fitted(data, old(data))
    assert served is not None
    found = find(data)
    assert found is not None
    (bad,) = found.blamed
    sure = np.asarray(served.scores.probabilities).max(axis=1)
    wrong = (np.asarray(data.holdout_upload) == 2) & (served.scores.predictions != data.holdout.target)
    worst = np.flatnonzero(wrong)[np.argsort(-sure[wrong], kind="stable")[:3]]
    assert data.holdout_row is not None
    assert data.holdout_line is not None
    assert [one.row for one in bad.examples] == list(data.holdout_row[worst])
    assert [one.line for one in bad.examples] == list(data.holdout_line[worst])
    first = bad.examples[0]
    assert {first.given, first.said} == {"yes", "no"}
    told = f"; for example its lines {first.line} ({first.given}; the champion says {first.said}), "
    assert told in found.words("accuracy")


def test_of_a_private_target_the_rows_of_an_example_are_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SPEC", replace(SPEC, target=replace(SPEC.target, private=True)))
    found = find(dataset(400, [(200, GOOD), (900, SWAPPED)]))
    assert found is not None
    (bad,) = found.blamed
    assert {(one.given, one.said) for one in bad.examples} == {("", "")}
    assert "yes" not in found.words("accuracy")


def test_several_bad_uploads_that_hide_one_another_are_blamed_together() -> None:
    uploads = [(200, GOOD), (900, SWAPPED), (200, GOOD), (900, SWAPPED), (900, SWAPPED)]
    assert blamed(find(dataset(400, uploads))).keys() == {"new1", "new3", "new4"}


def test_where_few_rows_show_no_sure_harm_the_champions_fall_on_an_upload_tells_it_from_the_good_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = dataset(80, [(100, GOOD), (300, 0.5), (100, GOOD)])
    assert blamed(find(data)).keys() == {"new1"}
    monkeypatch.setattr(blame, "between", lambda *_: Comparison(0.0, 0.0, 0.0, 0.0, 0.0, 0.95, 2))
    assert blamed(find(data)) == {}


def test_where_a_person_is_asked_the_uploads_on_which_the_champion_falls_are_named() -> None:
    data = dataset(400, [(100, GOOD), (60, SWAPPED)])
    served = fitted(data, old(data))
    assert served is not None
    assert blamed(find(data, champion=blame.Champion(served, 300, is_better=False))).keys() == {"new1"}


def test_beside_an_upload_that_costs_much_one_that_costs_little_is_not_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = dataset(400, [(900, SWAPPED), (300, GOOD)])
    right = {1: 0.1, 2: 0.8}  # by the new upload that was learnt

    def fit(rows: Array, _: Table | None = None) -> Answers:
        learnt = set(np.asarray(data.train_upload)[rows]) - {0}
        wrong = np.arange(len(data.holdout)) % 10 >= 10 * right.get(max(learnt, default=0), 0.9)
        labels = np.where(wrong, np.where(data.holdout.target == "yes", "no", "yes"), data.holdout.target)
        return Answers(data.holdout, Scores(labels, None), ("no", "yes"))

    def search() -> Blame | None:
        served = blame.Champion(fit(old(data)), 300)
        return blame.find(SPEC, data, ["new"], fit, served, blame.Limits(8, 1.0, lambda: 0.0))

    assert blamed(search()).keys() == {"new0"}
    monkeypatch.setattr(blame, "NOTABLE", 0.0)
    assert blamed(search()).keys() == {"new0", "new1"}


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The champion surely falls on no upload."""
    monkeypatch.setattr(blame, "between", lambda *_: Comparison(0.0, 0.0, 0.0, 0.0, 0.0, 0.95, 2))


def test_what_the_champion_falls_on_is_fitted_first_and_the_search_ends_with_it() -> None:
    found = find(dataset(400, [(60, GOOD)] * 13 + [(3_000, SWAPPED)] + [(60, GOOD)] * 2))
    assert found is not None
    assert (set(blamed(found)), found.fits, len(found.trials)) == ({"new13"}, 2, 1)


@pytest.mark.usefixtures("standing")
def test_of_more_uploads_than_fits_halves_are_fitted_together() -> None:
    uploads = [(60, GOOD)] * 13 + [(3_000, SWAPPED)] + [(60, GOOD)] * 2
    found = find(dataset(400, uploads), fits=10)
    assert found is not None
    assert blamed(found).keys() == {"new13"}
    assert found.fits == 9
    assert not found.stopped


@pytest.mark.usefixtures("standing")
def test_without_a_fit_left_the_smallest_harmful_half_is_blamed_as_one() -> None:
    uploads = [(60, GOOD)] * 13 + [(3_000, SWAPPED)] + [(60, GOOD)] * 2
    found = find(dataset(400, uploads), fits=5)
    assert blamed(found).keys() == {"new12", "new13", "new14", "new15"}
    assert found is not None
    assert found.stopped == "the budget of 5 fits was used up"
    assert "without these 4 together: " in blamed(found)["new13"]


def test_good_uploads_are_not_blamed() -> None:
    found = find(dataset(400, [(200, GOOD)] * 5))
    assert blamed(found) == {}
    assert found is not None
    assert found.words("accuracy") == "no upload alone makes the difference"


def test_a_good_upload_is_not_blamed_by_the_rows_of_the_many_bad_ones() -> None:
    uploads = [(900, SWAPPED), (900, SWAPPED), (900, SWAPPED), (900, SWAPPED), (900, GOOD)]
    assert "new4" not in blamed(find(dataset(400, uploads)))


def test_a_recipe_that_is_worse_on_the_same_data_is_to_blame_and_no_upload() -> None:
    data = dataset(400, [(200, GOOD), (200, SWAPPED)])
    better = Answers(data.holdout, Scores(data.holdout.target, None), ("no", "yes"))
    found = find(data, champion=blame.Champion(better, 300))
    assert found is not None
    assert (found.recipe, found.fits, found.blamed) == (True, 1, ())


def test_a_recipe_is_not_compared_with_a_champion_of_data_that_is_no_longer_there() -> None:
    data = dataset(400, [(200, GOOD), (2_000, SWAPPED)])
    better = Answers(data.holdout, Scores(data.holdout.target, None), ("no", "yes"))
    assert blamed(find(data, champion=blame.Champion(better, 3_000))).keys() == {"new1"}


@pytest.mark.usefixtures("standing")
def test_the_search_ends_in_time_with_what_it_knows() -> None:
    times = iter(range(0, 1_000, 10))
    uploads = [(900, SWAPPED), (200, GOOD), (900, SWAPPED)]
    found = find(dataset(400, uploads), until=55, clock=lambda: float(next(times)))
    assert blamed(found).keys() == {"new0"}
    assert found is not None
    assert found.stopped == "the job had no time for more than 3 fits"


def test_of_much_data_the_few_fits_learn_and_answer_a_part() -> None:
    data = dataset(20_000, [(50_000, SWAPPED), (10_000, GOOD), (200, GOOD)])
    learnt, asked = [], []

    def fit(rows: Array, given: Table) -> Answers | None:
        learnt.append(int(rows.sum()))
        asked.append(len(given))
        return fitted(data, rows, given)

    served = fitted(data, old(data))
    assert served is not None
    found = blame.find(
        SPEC, data, ["new"], fit, blame.Champion(served, 15_000), blame.Limits(8, 1.0, lambda: 0.0)
    )
    assert blamed(found).keys() == {"new0"}
    assert sum(learnt) < len(data.train) / 16
    most = blame.COMPARED + 2 * (blame.COMPARED // 3) + 50
    assert (len(learnt), set(asked)) == (2, {most})


def test_of_much_data_uploads_on_which_the_champion_falls_are_fitted_together() -> None:
    found = find(dataset(20_000, [(10_000, SWAPPED), (10_000, GOOD), (10_000, SWAPPED)]))
    assert found is not None
    assert (set(blamed(found)), found.fits) == ({"new0", "new2"}, 2)


@pytest.mark.usefixtures("standing")
def test_of_much_data_all_others_are_fitted_together_and_divided_only_where_they_do_harm() -> None:
    good = find(dataset(20_000, [(10_000, GOOD)] * 3))
    assert good is not None
    assert (blamed(good), good.fits) == ({}, 2)
    bad = find(dataset(20_000, [(10_000, GOOD), (40_000, SWAPPED), (10_000, GOOD)]))
    assert bad is not None
    assert blamed(bad).keys() == {"new1"}


def test_old_data_that_can_not_be_fitted_alone_blames_nobody() -> None:
    data = dataset(400, [(200, GOOD)])
    served = fitted(data, old(data))
    assert served is not None
    found = blame.find(
        SPEC, data, ["new"], lambda *_: None, blame.Champion(served), blame.Limits(8, 1.0, lambda: 0.0)
    )
    assert found is not None
    assert not found.blamed
    assert found.stopped == "the recipe cannot be fitted on the data that served before alone"


@pytest.mark.parametrize(("fits", "on_trial"), [(0, ["new"]), (8, []), (8, ["another"])])
def test_nobody_looks_without_a_budget_or_a_new_upload(fits: int, on_trial: list[str]) -> None:
    assert find(dataset(40, [(20, GOOD)]), fits=fits, on_trial=on_trial) is None


def test_nobody_looks_where_rows_have_no_upload() -> None:
    data = dataset(40, [(20, GOOD)])
    served = fitted(data, old(data))
    assert served is not None
    without = replace(data, uploads=(), train_upload=None, holdout_upload=None)
    limits = blame.Limits(8, 1.0, lambda: 0.0)
    assert blame.find(SPEC, without, ["new"], lambda *_: None, blame.Champion(served), limits) is None
