"""The deciding metric month by month, for the rows that have a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from relearn.spec.model import DateTime, Metric, ModelSpec, Training
from scoring.encode import Array
from scoring.scorer import Scores
from tests.support.training_kit import MIXED, NUMBERS, REGRESSION
from training import catalog
from training.data.dataset import Dataset, Table
from training.fitting import months
from training.fitting.shared import Shared
from training.fitting.tabular import part
from training.fitting.tasks import Answers
from training.job import in_time
from training.job.champion import Rival

TIME = np.array(["2026-03-31T23:59", "2026-04-01", "2026-04-30T23:59", "2026-06-02"], dtype="datetime64[us]")
TRUTH = np.array(["no", "no", "yes", "yes"], dtype=object)

ROWS = Dataset(Table({}, TRUTH, TIME), Table({}, TRUTH, TIME), "", 1, {})


def timed(spec: ModelSpec) -> ModelSpec:
    return replace(spec, columns=(*spec.columns, DateTime("at")), training=Training(time="at"))


def answers(given: Array, truth: Array = TRUTH, time: Array | None = TIME) -> Answers:
    return Answers(Table({}, truth, time), Scores(given, None), ("no", "yes"))


def test_a_metric_is_measured_by_month_in_utc_for_candidate_and_champion() -> None:
    mine, theirs = answers(np.array(["no", "no", "no", "yes"])), answers(np.array(["no", "yes", "no", "no"]))
    assert months.of(timed(NUMBERS), mine, theirs) == [
        {"month": "2026-03", "rows": 1, "candidate": None, "champion": None, "shared": None},
        {"month": "2026-04", "rows": 2, "candidate": 0.5, "champion": 0.0, "shared": None},
        {"month": "2026-06", "rows": 1, "candidate": None, "champion": None, "shared": None},
    ]


def test_a_champion_that_answers_a_part_of_the_rows_is_shown_by_month_on_these_beside_the_candidate() -> None:
    spec = timed(NUMBERS)
    time = np.array(["2026-04-01", "2026-04-02", "2026-04-03", "2026-05-01"], dtype="datetime64[us]")
    rows = np.array([True, True, False, False])
    mine = answers(np.array(["no", "no", "no", "yes"]), time=time)
    theirs = part(answers(np.array(["no", "yes", "no", "no"]), time=time), rows)
    rival = Rival(shared=Shared(spec, rows, incomplete=2), shared_answers=theirs)
    found = in_time.look(spec, ROWS, mine, rival)
    assert found is not None
    april, may = found["months"]
    assert april == {
        "month": "2026-04", "rows": 3, "candidate": pytest.approx(2 / 3), "champion": 0.5,
        "shared": {"rows": 2, "candidate": 1.0},
    }  # fmt: skip
    assert may["shared"] == {"rows": 0, "candidate": None}
    [page] = in_time.sections(spec, {"time": found, "champion": {"version": 3}})
    assert "Rows compared" in page
    assert "<td>3</td><td>0.6667</td><td>2</td><td>1.0000</td><td>0.5000</td>" in page


def test_a_mean_over_classes_is_undefined_in_a_month_without_one_of_them() -> None:
    spec = replace(timed(NUMBERS), metric=Metric("f1_macro", minimum=0))
    time = np.array(["2026-04-01", "2026-04-02", "2026-05-01", "2026-05-02"], dtype="datetime64[us]")
    mine = answers(TRUTH, np.array(["no", "yes", "no", "no"], dtype=object), time)
    found = months.of(spec, mine, None)
    assert [one["candidate"] for one in found] == [pytest.approx(1 / 3), None]


def test_an_error_is_as_people_read_it() -> None:
    truth = np.array([1.0, 2.0, 4.0, 8.0])
    found = months.of(timed(REGRESSION), answers(truth + 1, truth), None)
    assert [one["candidate"] for one in found] == [None, pytest.approx(1.0), None]


def test_only_the_newest_months_are_listed() -> None:
    time = np.datetime64("2000-01-01", "us") + np.arange(200) * np.timedelta64(31, "D")
    truth = np.array(["no", "yes"] * 100, dtype=object)
    found = months.of(timed(NUMBERS), answers(truth, truth, time), None)
    assert len(found) == 120
    assert found[-1]["month"] == str(time[-1].astype("datetime64[M]"))


def test_rows_without_a_time_have_no_months() -> None:
    mine = answers(TRUTH, time=None)
    assert months.of(NUMBERS, mine, None) == []
    assert in_time.look(MIXED, ROWS, mine, Rival()) is None


def test_the_page_lists_the_months_of_both() -> None:
    spec = timed(NUMBERS)
    mine = answers(np.array(["no", "no", "no", "yes"]))
    found = in_time.look(spec, ROWS, mine, Rival(answers=mine))
    [page] = in_time.sections(spec, {"time": found, "champion": {"version": 3}})
    assert "Champion, version 3" in page
    assert "<td>2026-04</td>" in page.replace('<th scope="row">2026-04</th>', "<td>2026-04</td>")
    assert "All rows count alike in a fit." in page
    weighed = replace(spec, training=Training(time="at", half_life_days=30))
    [page] = in_time.sections(weighed, {"time": in_time.look(weighed, ROWS, mine, Rival()), "champion": None})
    assert "a row counts half as much as one that is 30 days younger" in page
    assert "Champion" not in page


def test_rows_of_a_recommender_have_no_time() -> None:
    spec = catalog.get("products")
    assert spec.tables
    assert in_time.look(spec, ROWS, answers(TRUTH), Rival()) is None
