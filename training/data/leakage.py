"""Refuse target leakage: features that equal the target, which no request can know and no holdout reveals."""

from __future__ import annotations

import numpy as np

from relearn.errors import DataError
from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.data.dataset import Dataset

ROWS = 50
"""Fewest rows at which a feature that determines the target is treated as leakage, not as chance."""


def refuse(spec: ModelSpec, dataset: Dataset) -> None:
    """Refuse a snapshot in which a feature determines the target in every row.

    Raises
    ------
    DataError
        A feature leaks the target (code ``leakage``); the message names it.
    """
    target = np.concatenate([dataset.train.target, dataset.holdout.target])
    if len(target) < ROWS or len(np.unique(target)) == 1:
        return
    for name, values in dataset.train.columns.items():
        every = np.concatenate([values, dataset.holdout.columns[name]])
        if _says(every, target, classes=spec.kind == "classification"):
            raise DataError(
                "leakage",
                f"{name} says {spec.target.name} in each of {len(target)} rows: a request cannot know it; allowed: "
                "columns that are known before the target is. Take it out of the spec, or upload what was known",
            )


def _says(values: Array, target: Array, *, classes: bool) -> bool:
    """Return whether values and labels map one to one; for a regression, whether they are equal as float32."""
    if not classes:
        return values.dtype.kind == "f" and bool(
            np.array_equal(values.astype(np.float32), target.astype(np.float32))
        )
    _, coded = np.unique(values, return_inverse=True)
    labels, known = np.unique(target, return_inverse=True)
    if coded.max() + 1 != len(labels):
        return False
    return len(np.unique(coded * len(labels) + known)) == len(labels)
