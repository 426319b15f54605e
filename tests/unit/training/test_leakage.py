"""A feature that is the target under another name is found before anything is fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from relearn.errors import DataError
from relearn.spec.model import ModelSpec
from tests.support.training_kit import NUMBERS, REGRESSION, numbers_table
from training.data import leakage
from training.data.dataset import Dataset, Table


def dataset(table: Table) -> Dataset:
    half = np.arange(len(table)) % 2 == 0
    return Dataset(table.where(half), table.where(~half), "f", 1, {})


def with_feature(table: Table, values: object) -> Table:
    return replace(table, columns={**table.columns, "d": np.asarray(values)})


CLASSES, AMOUNTS = numbers_table(80), numbers_table(80, regression=True)


@pytest.mark.parametrize(
    ("spec", "table"),
    [
        (NUMBERS, with_feature(CLASSES, CLASSES.target)),
        (NUMBERS, with_feature(CLASSES, np.where(CLASSES.target == "yes", 7.0, 3.0).astype(np.float32))),
        (REGRESSION, with_feature(AMOUNTS, AMOUNTS.target.astype(np.float32))),
    ],
    ids=["the labels", "the labels by other names", "the amount"],
)
def test_a_feature_that_says_the_target_in_every_row_is_refused_by_name(
    spec: ModelSpec, table: Table
) -> None:
    with pytest.raises(
        DataError, match=r"^d says (outcome|y) in each of 80 rows: a request cannot know it"
    ) as raised:
        leakage.refuse(spec, dataset(table))
    assert raised.value.code == "leakage"


@pytest.mark.parametrize(
    ("spec", "table"),
    [
        (NUMBERS, CLASSES),
        (
            NUMBERS,
            with_feature(
                CLASSES,
                np.where(np.arange(80) == 3, np.where(CLASSES.target == "yes", "no", "yes"), CLASSES.target),
            ),
        ),
        (NUMBERS, with_feature(CLASSES, np.full(80, "same"))),
        (REGRESSION, with_feature(AMOUNTS, AMOUNTS.target.astype(np.float32) * 2)),
        (REGRESSION, with_feature(AMOUNTS, AMOUNTS.target.astype(str))),
    ],
    ids=["none", "all rows but one", "a constant", "a multiple", "a text"],
)
def test_a_feature_that_only_helps_is_let_through(spec: ModelSpec, table: Table) -> None:
    leakage.refuse(spec, dataset(table))


def test_so_few_rows_may_agree_by_chance() -> None:
    few = with_feature(CLASSES, CLASSES.target).where(np.arange(80) < leakage.ROWS - 1)
    leakage.refuse(NUMBERS, dataset(few))


def test_a_target_that_never_changes_is_said_by_nobody() -> None:
    same = replace(AMOUNTS, target=np.zeros(80))
    leakage.refuse(REGRESSION, dataset(with_feature(same, np.zeros(80, np.float32))))
