"""Feedback: the true values of predictions, from callers; check of the body, and the results of rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from relearn.errors import FieldError, InvalidFeedbackError
from relearn.spec.columns import shown
from relearn.spec.fields import MAX_ERRORS, pointer, rows_of
from relearn.spec.model import ModelSpec

MAX_ROWS = 1000
"""Maximum number of rows in one request."""
MAX_ID_LENGTH = 100
"""Maximum length of a prediction's id, in characters; generated ids are shorter."""
_FIELDS = ("prediction", "truth")


class FeedbackState(StrEnum):
    """Result of one row of feedback."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """True value of one prediction, as a caller reports it.

    Parameters
    ----------
    prediction
        Id of the prediction.
    truth
        Value of the spec's target; a number is a float.
    """

    prediction: str
    truth: str | float


def check_feedback(spec: ModelSpec, body: object) -> list[FeedbackRow]:
    """Check the JSON body of feedback against a spec.

    Parameters
    ----------
    spec
        Spec of the model.
    body
        Parsed JSON: ``{"feedback": [{"prediction": id, "truth": value}, ...]}``.

    Raises
    ------
    InvalidFeedbackError
        A row is wrong; the error has a JSON pointer for each wrong value, at most `MAX_ERRORS`.
    """
    rows, errors = rows_of(body, "feedback", MAX_ROWS, InvalidFeedbackError)
    for index, row in enumerate(rows):
        errors += _check_row(spec, row, f"/feedback/{index}")
        if len(errors) >= MAX_ERRORS:
            break
    if errors:
        raise InvalidFeedbackError(tuple(errors[:MAX_ERRORS]))
    return [FeedbackRow(row["prediction"], _truth(spec, row["truth"])) for row in rows]


def _check_row(spec: ModelSpec, row: object, at: str) -> list[FieldError]:
    if not isinstance(row, dict):
        return [FieldError(at, f"got {shown(row)}; allowed: an object with {' and '.join(_FIELDS)}")]
    wrong = {"prediction": _check_id(row.get("prediction")), "truth": _check_truth(spec, row.get("truth"))}
    errors = [
        FieldError(f"{at}/{name}", detail if name in row else f"missing; {detail.rpartition('; ')[2]}")
        for name, detail in wrong.items()
        if detail is not None
    ]
    return errors + [
        FieldError(at + pointer(name), f"unknown field; allowed: {', '.join(_FIELDS)}")
        for name in row
        if name not in _FIELDS
    ]


def _check_id(value: object) -> str | None:
    if isinstance(value, str) and len(value) <= MAX_ID_LENGTH:
        return None
    return (
        f"got {shown(value)}; allowed: the id of a prediction, a string of at most {MAX_ID_LENGTH} characters"
    )


def _check_truth(spec: ModelSpec, value: object) -> str | None:
    if value is None:
        return f"got None; allowed: {spec.target.allowed}"
    return spec.target.problem(value)


def _truth(spec: ModelSpec, value: Any) -> str | float:
    return float(value) if spec.kind == "regression" else str(value)
