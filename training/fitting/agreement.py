"""Check that the ONNX model agrees with the estimator that it was exported from, or else is never served.

A classification agrees when every label is the same and every probability within 1e-5. Where the estimator's
two best probabilities are within 1e-5 of each other, either label is right: such rows are counted, not
refused. A regression agrees within 1e-5 of the target's standard deviation, not of its size: a target far
from zero is not known any better for that. Answers are float32, though: where they are more than ten times the
standard deviation, 1e-5 of their size is allowed while it stays below half a percent of the standard deviation.

The compared rows are the holdout, rows at the thresholds of trees, and rows that the spec allows but the data
may lack (`training.fitting.coverage`). In the last, float32 rounding matters more: a difference is allowed up
to the change of the estimator's own answer when a number changes by a millionth.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from relearn.errors import ArtifactError
from scoring.encode import Array
from scoring.scorer import Scorer
from training.fitting.coverage import Corner, Coverage
from training.fitting.fit import frame

TOLERANCE = 1e-5
"""Largest difference of a probability, or of a value as a share of the target's standard deviation."""
FAR = 10
"""Size of an answer, in standard deviations of the target, from which on float32 may not reach `TOLERANCE`.

Sums of float32 numbers round at each addition, and much the same each time: a forest of 300 trees around 1,000 missed
the exact answer by 54 steps of float32, 3e-6 of its size.
"""
SMALL = 5e-3
"""Largest difference of such an answer, as a share of the target's standard deviation; else `TOLERANCE` of its size."""
MILLIONTH = 1e-6
"""Relative change of a number that may change its answer: float32 has about seven decimal digits."""
NAMED = 5
"""Most corners named in a refusal."""


TREES = "Trees behind a scaler are a usual cause: give trees the columns as they come"


class CornerError(ArtifactError):
    """A model that cannot answer something the spec allows, or whose ONNX graph answers it differently.

    Parameters
    ----------
    message
        Message with the columns and the remedy.
    far
        Whether the failure only concerns numbers without a bound in the spec.
    """

    def __init__(self, message: str, *, far: bool) -> None:
        super().__init__(message)
        self.far = far


@dataclass(frozen=True, slots=True)
class Agreement:
    """Result of comparing an ONNX model with its estimator.

    Parameters
    ----------
    rows
        Number of compared rows; `threshold_rows` of them are at the thresholds of trees.
    labels_identical
        Always true, because a model with different labels is refused; a regression has no labels.
    ties
        Rows with different labels between which the estimator was undecided.
    max_abs_diff
        Largest difference of a probability, or of a value in the target's unit.
    tolerance
        Allowed difference, in the same unit.
    """

    rows: int
    threshold_rows: int
    labels_identical: bool
    ties: int
    max_abs_diff: float
    tolerance: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data."""
        return asdict(self)


class _Answers(NamedTuple):
    """Answers to rows: labels and probabilities (rows, classes); for a regression None and values (rows, 1)."""

    labels: Array | None
    figures: Array


def check(
    estimator: Any,
    scorer: Scorer,
    columns: Mapping[str, Array],
    *,
    threshold_rows: int = 0,
    spread: float | None = None,
) -> Agreement:
    """Compare the answers of estimator and ONNX model on ``columns``.

    Parameters
    ----------
    estimator
        Fitted estimator.
    scorer
        Loaded ONNX graph.
    columns
        Encoded values of shape (rows,) by feature.
    threshold_rows
        Number of rows made by `training.fitting.thresholds`.
    spread
        Standard deviation of a regression's target; None: that of the estimator's answers.

    Raises
    ------
    ArtifactError
        The answers differ; the message has the number of rows and the largest difference.
    """
    wanted = _estimated(estimator, scorer, columns)
    given = _given(scorer, columns)
    scale = _scale(wanted, spread)
    allowed = _allowed(wanted, scale)
    tolerance = float(allowed.max())
    differences = _differences(wanted, given)
    other = _other(wanted, given)
    tied = other & _undecided(wanted, allowed)
    wrong = _beyond(differences, allowed) | (other & ~tied)
    worst = float(np.max(differences))
    if wrong.any():
        what = "labels identical" if wanted.labels is not None else f"{TOLERANCE:g} of the spread {scale:.3g}"
        raise ArtifactError(
            f"the ONNX model disagrees with the estimator on {int(wrong.sum())} of {len(differences)} rows (largest "
            f"difference {worst:.3g}; allowed: {tolerance:.3g}, {what}); it is not served. "
            f"{_coarse(wanted, differences, wrong) or TREES}"
        )
    return Agreement(len(differences), threshold_rows, True, int(tied.sum()), worst, tolerance)


def cover(
    estimator: Any,
    scorer: Scorer,
    rows: Coverage,
    columns: Mapping[str, Array],
    *,
    spread: float | None = None,
) -> None:
    """Compare the answers of estimator and ONNX model on rows that the spec allows.

    Parameters
    ----------
    estimator, scorer, spread
        As for `check`.
    rows
        Rows from `training.fitting.coverage`.
    columns
        Columns of the data, for the usual size of numbers.

    Raises
    ------
    CornerError
        One of the two cannot answer a row, or they disagree.
    """
    wanted = _asked(lambda some: _estimated(estimator, scorer, some.columns), rows, "estimator")
    given = _asked(lambda some: _given(scorer, some.columns), rows, "ONNX model")
    for who, answers in (("estimator", wanted), ("ONNX model", given)):
        if (silent := np.asarray(~np.isfinite(answers.figures).all(axis=1))).any():
            raise _cannot(who, rows, silent, "its answer is not finite")
    tolerance = _allowed(wanted, _scale(wanted, spread))
    differences, other = _differences(wanted, given), _other(wanted, given)
    wrong = _beyond(differences, tolerance) | other
    if wrong.any():
        at = np.flatnonzero(wrong)
        usual = {name: _largest(values) for name, values in columns.items()}
        some = _Answers(wanted.labels, wanted.figures[at])
        allowed = tolerance[at] + _unsteady(
            partial(_estimated, estimator, scorer), rows.where(at), some, usual
        )
        wrong[at] = _beyond(differences[at], allowed) | (other[at] & ~_undecided(some, allowed))
    if wrong.any():
        where, remedy, far = _where(rows, wrong)
        remedy = _coarse(wanted, differences, wrong) or remedy
        raise CornerError(
            f"the ONNX model answers otherwise than the estimator for {where}, which the spec allows (largest difference "
            f"{float(np.max(differences[wrong])):.3g}, on {int(wrong.sum())} of {len(rows)} such rows); it is not served: {remedy}",
            far=far,
        )


def _unsteady(
    ask: Callable[[Mapping[str, Array]], _Answers],
    rows: Coverage,
    wanted: _Answers,
    usual: Mapping[str, float],
) -> Array:
    """Return by how much the estimator's answers change when numbers change by a millionth, shape (rows,)."""
    changed = np.zeros(len(rows))
    for name, values in rows.columns.items():
        if values.dtype == object:
            continue
        with _quiet():
            step = MILLIONTH * np.maximum(np.abs(values), np.float32(usual[name]))
            moved = np.where(values > 0, values - step, values + step).astype(
                np.float32
            )  # towards zero, so that none overflows
            told = ask({**rows.columns, name: moved})
        changed += np.nan_to_num(np.abs(told.figures - wanted.figures).max(axis=1))
    return changed


def _asked(ask: Callable[[Coverage], _Answers], rows: Coverage, who: str) -> _Answers:
    """Return the answers to all rows.

    Raises
    ------
    ArtifactError
        Some rows cannot be answered; the message names the columns.
    """
    with _quiet():
        try:
            return ask(rows)
        except Exception as error:  # whatever an estimator's steps or onnxruntime raise
            failing, reason = _failing(ask, rows)
            raise _cannot(who, rows, failing, reason) from error


def _failing(ask: Callable[[Coverage], _Answers], rows: Coverage) -> tuple[Array, str]:
    """Find the rows that cannot be answered, and why: corner by corner, the shortest combinations first.

    Returns a mask of shape (rows,) and the error's first line. Combinations are not tried once a single
    corner has failed.
    """
    failing, reasons = np.zeros(len(rows), bool), dict[int, str]()
    places: dict[tuple[Corner, ...], list[int]] = {}
    for at, row in enumerate(rows.corners):
        places.setdefault(row, []).append(at)
    for row, found in sorted(places.items(), key=lambda each: len(each[0])):
        if reasons and len(row) > 1:
            break
        try:
            ask(rows.where(np.array(found)))
        except Exception as error:  # noqa: BLE001 - as above
            failing[found] = True
            reasons[found[0]] = next(iter(str(error).splitlines()), type(error).__name__)
    first = min(reasons, key=lambda at: any(corner.far for corner in rows.corners[at]), default=0)
    return failing, reasons.get(first, "")


def _cannot(who: str, rows: Coverage, failing: Array, reason: str) -> CornerError:
    where, remedy, far = _where(rows, failing)
    return CornerError(
        f"the {who} cannot answer for {where}, which the spec allows ({reason}); it is not served: {remedy}",
        far=far,
    )


def _where(rows: Coverage, bad: Array) -> tuple[str, str, bool]:
    """Return the fewest corners that explain the bad rows, the remedy, and whether only far numbers fail."""
    found = [rows.corners[at] for at in np.flatnonzero(bad).tolist()]
    near = [row for row in found if not any(corner.far for corner in row)]
    shortest = min(near or found, key=len)
    alone = len(shortest) == 1
    blamed = [row for row in near or found if len(row) == 1] if alone else [shortest]
    named = list(dict.fromkeys(corner for row in blamed for corner in row))
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    where = (", " if alone else " with ").join(map(str, named[:NAMED])) + more
    return where, "; ".join(dict.fromkeys(corner.remedy for corner in named)), not near


def _estimated(estimator: Any, scorer: Scorer, columns: Mapping[str, Array]) -> _Answers:
    rows = frame(columns)
    if scorer.kind == "regression":
        return _Answers(None, np.asarray(estimator.predict(rows), dtype=np.float64).reshape(len(rows), 1))
    figures = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
    return _Answers(np.asarray(estimator.predict(rows), dtype=object), figures)


def _given(scorer: Scorer, columns: Mapping[str, Array]) -> _Answers:
    scores = scorer.columns(columns)
    if scores.probabilities is None:
        return _Answers(None, scores.predictions.reshape(-1, 1))
    return _Answers(scores.predictions, scores.probabilities)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings: corners overflow on purpose."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _differences(wanted: _Answers, given: _Answers) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(wanted.figures - given.figures).max(axis=1))


def _other(wanted: _Answers, given: _Answers) -> Array:
    if wanted.labels is None:
        return np.zeros(len(wanted.figures), bool)
    return np.asarray(wanted.labels != given.labels, dtype=bool)


def _beyond(differences: Array, tolerance: Array | float) -> Array:
    return np.asarray(~(differences <= tolerance))  # NaN counts as beyond


def _undecided(wanted: _Answers, allowed: Array | float) -> Array:
    if wanted.labels is None:
        return np.zeros(len(wanted.figures), bool)
    best = np.sort(wanted.figures, axis=1)
    return np.asarray(best[:, -1] - best[:, -2] <= allowed)


def _scale(wanted: _Answers, spread: float | None) -> float:
    """Return the unit of differences: 1, or a regression's spread; for a constant target, its size."""
    if wanted.labels is not None:
        return 1.0
    return (
        float(wanted.figures.std() if spread is None else spread)
        or float(np.abs(wanted.figures).max())
        or 1.0
    )


def _allowed(wanted: _Answers, scale: float) -> Array:
    """Return the largest difference of each row, shape (rows,)."""
    tolerance = np.full(len(wanted.figures), TOLERANCE * scale)
    if wanted.labels is not None:
        return tolerance
    size = _sizes(wanted)
    return np.where(size > FAR * scale, np.minimum(TOLERANCE * size, SMALL * scale), tolerance)


def _sizes(wanted: _Answers) -> Array:
    return np.asarray(np.abs(wanted.figures).max(axis=1))


def _coarse(wanted: _Answers, differences: Array, wrong: Array) -> str:
    """Return the remedy for values that differ by what float32 rounds alone; empty when they differ by more."""
    size = _sizes(wanted)
    if wanted.labels is not None or not (differences[wrong] <= TOLERANCE * size[wrong]).all():
        return ""
    largest = np.float32(size[wrong].max())
    return (
        f"answers are float32, whose steps around {float(largest):.3g} are {float(np.spacing(largest)):.3g}: "
        "subtract a base from the target, in the data, so that it lies around zero"
    )


def _largest(values: Array) -> float:
    if values.dtype == object:
        return 0.0
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0))
