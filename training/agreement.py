"""Does the ONNX model answer as the estimator it came from? If not, it is never served.

A classification agrees when every label is the same and every probability within 1e-5. Where
the estimator's own two best probabilities tie within 1e-5, either label is right: such rows
are counted, not refused. A regression agrees within 1e-5 of the largest target of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from relearn.errors import ArtifactError
from training.encode import Array
from training.fit import frame
from training.scorer import Scorer

TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was compared.

    Parameters
    ----------
    rows
        How many rows, `threshold_rows` of them at the thresholds of trees.
    labels_identical
        Always true of what was not refused; a regression has no labels to differ.
    ties
        Rows with another label where the estimator itself was undecided.
    max_abs_diff
        Largest difference of a probability, or of a value in the target's unit.
    tolerance
        What was allowed, in the same unit.
    """

    rows: int
    threshold_rows: int
    labels_identical: bool
    ties: int
    max_abs_diff: float
    tolerance: float

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready data."""
        return asdict(self)


def check(
    estimator: Any, scorer: Scorer, columns: Mapping[str, Array], *, threshold_rows: int = 0
) -> Agreement:
    """Compare the answers of both on ``columns``.

    Parameters
    ----------
    estimator
        As it was fitted.
    scorer
        The exported graph, loaded.
    columns
        Feature name to encoded values of shape (rows,).
    threshold_rows
        How many of the rows were made by `training.thresholds`.

    Raises
    ------
    ArtifactError
        They disagree; the message says on how many rows and by how much.
    """
    rows = frame(columns)
    scores = scorer.columns(columns)
    given = scores.predictions
    if scores.probabilities is None:
        wanted = np.asarray(estimator.predict(rows), dtype=np.float64)
        tolerance = TOLERANCE * (float(np.abs(wanted).max()) or 1.0)
        differences = np.abs(wanted - given)
        wrong = _beyond(differences, tolerance)
        ties = 0
    else:
        wanted = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
        tolerance = TOLERANCE
        differences = np.abs(wanted - scores.probabilities).max(axis=1)
        other = np.asarray(estimator.predict(rows), dtype=object) != given
        tied = other & _undecided(wanted)
        wrong = _beyond(differences, tolerance) | (other & ~tied)
        ties = int(tied.sum())
    worst = float(np.max(differences))
    if wrong.any():
        raise ArtifactError(
            f"the ONNX model disagrees with the estimator on {int(wrong.sum())} of {len(rows)} rows (largest "
            f"difference {worst:.3g}; allowed: {tolerance:.3g}, labels identical); it is not served. Trees behind a scaler "
            "are a usual cause: give trees the columns as they come"
        )
    return Agreement(len(rows), threshold_rows, True, ties, worst, tolerance)


def _beyond(differences: Array, tolerance: float) -> Array:
    return ~(differences <= tolerance)  # NaN is beyond


def _undecided(probabilities: Array) -> Array:
    best = np.sort(probabilities, axis=1)
    return np.asarray(best[:, -1] - best[:, -2] <= TOLERANCE)
