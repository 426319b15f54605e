"""Rows count by their age: half as much for each half-life, in every estimator that takes weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from relearn.errors import ArtifactError
from relearn.spec.model import DateTime, Metric, ModelSpec, Number, Training
from tests.support.training_kit import NUMBERS
from training.data.dataset import Table
from training.fitting import weights
from training.fitting.fit import Code, fit

SPEC = ModelSpec(
    name="timed",
    title="Numbers with a time",
    columns=(Number("a"), DateTime("at")),
    target=Number("y"),
    metric=Metric("rmse", maximum=100.0),
    training=Training(time="at", half_life_days=10),
)
TIME = np.array(["2026-05-01", "2026-05-11", "2026-05-21T00:00"], dtype="datetime64[us]")
ROWS = Table({"a": np.arange(3, dtype=np.float32)}, np.array([0.0, 0.0, 7.0]), TIME)


def test_a_row_counts_half_as_much_as_one_that_is_a_half_life_younger() -> None:
    found = weights.of_ages(TIME, 10)
    assert found.tolist() == pytest.approx([3 / 7, 6 / 7, 12 / 7])


@given(
    days=st.lists(st.floats(0, 4e6), min_size=1, max_size=20),
    half_life=st.floats(1e-6, 36_500),
    shift=st.integers(0, 10**5),
)
def test_weights_are_above_0_with_a_mean_of_1_and_do_not_depend_on_when_the_fit_is(
    days: list[float], half_life: float, shift: int
) -> None:
    time = np.datetime64("2000-01-01", "us") - np.array([int(day * 86_400e6) for day in days]).astype(
        "timedelta64[us]"
    )
    found = weights.of_ages(time, half_life)
    assert (found > 0).all()
    assert np.isfinite(found).all()
    assert found.mean() == pytest.approx(1)
    assert found == pytest.approx(weights.of_ages(time + np.timedelta64(shift, "D"), half_life))
    assert (np.diff(found[np.argsort(time)]) >= 0).all()


@pytest.mark.parametrize(
    "estimator",
    [
        DummyRegressor(),
        make_pipeline(StandardScaler(), DummyRegressor()),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), DummyRegressor())),
        TransformedTargetRegressor(DummyRegressor()),
        TransformedTargetRegressor(make_pipeline(StandardScaler(), DummyRegressor())),
    ],
)
def test_an_estimator_learns_with_the_weights_wherever_it_takes_them(estimator: Any) -> None:
    fitted = fit(SPEC, Code(lambda: estimator, None), {}, ROWS)
    assert fitted.predict(pd.DataFrame({"a": [0.0]}))[0] == pytest.approx(7 * 12 / 21)


@pytest.mark.parametrize("estimator", [HistGradientBoostingRegressor(), LinearRegression()])
def test_a_model_follows_the_newest_rows(estimator: Any) -> None:
    time = np.datetime64("2026-01-01", "us") + np.arange(400) * np.timedelta64(1, "D")
    given = np.random.default_rng(0).random(400, dtype=np.float32)
    later = np.arange(400) >= 200
    rows = Table({"a": given}, np.where(later, 10.0, 0.0), time)
    now, alike = (
        fit(spec, Code(lambda: estimator, None), {}, rows).predict(pd.DataFrame({"a": [0.5]}))[0]
        for spec in (SPEC, replace(SPEC, training=Training(time="at")))
    )
    assert 3 < alike < 7
    assert now > 9


def test_an_estimator_that_takes_no_weights_is_refused_with_what_would_take_them() -> None:
    code = Code(lambda: make_pipeline(StandardScaler(), KNeighborsRegressor()), None)
    with pytest.raises(ArtifactError) as raised:
        fit(SPEC, code, {}, ROWS)
    assert str(raised.value) == (
        "the estimator of timed, KNeighborsRegressor, takes no sample_weight, so half_life_days=10 cannot weigh its rows; "
        "allowed: an estimator whose fit() takes it, alone, at the end of a Pipeline, or in a TransformedTargetRegressor"
    )


def test_without_a_half_life_no_weights_are_given() -> None:
    assert weights.arguments(NUMBERS, KNeighborsRegressor(), ROWS) == {}
    assert weights.arguments(SPEC, LogisticRegression(), ROWS).keys() == {"sample_weight"}
