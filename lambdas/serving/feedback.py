"""Stores ground truth that callers report for predictions, each truth once, and reports a state for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.aws.dynamo.exactly_once import Line, Once, Placement, PlacementState
from lambdas.aws.dynamo.table import Table
from lambdas.aws.metrics import COUNT, Group, Meter
from lambdas.http.request import Request
from lambdas.runtime.catalog import Catalog
from relearn.errors import BusyError, ConflictError
from relearn.ledger.attribute_values import Item, decode, encode
from relearn.naming import ledger_keys
from relearn.records import feedback, predictions
from relearn.records.feedback import FeedbackRow, FeedbackState
from relearn.records.predictions import FEEDBACK_DAYS, PredictionId, Truth
from relearn.spec.columns import shown

RECORDED_WITHIN = timedelta(minutes=5)
"""Time within which a prediction reaches the index. A younger one that is not found may still arrive."""


RETRY_AFTER_SECONDS = 20
"""Seconds after which a caller may retry rows that another request is storing."""


Result = tuple[FeedbackState, str]
"""State of a row, and its explanation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """Checks and stores ground truth.

    Parameters
    ----------
    table
        The ledger's table, which holds the index of predictions and truths.
    once
        Writes each truth to the lake exactly once.
    meter
        Receives the number of rows in each state.
    catalog
        Specs of all models.
    clock
        Returns the current time, aware.
    """

    table: Table
    once: Once
    meter: Meter
    catalog: Catalog
    clock: Callable[[], datetime]

    def give_feedback(self, request: Request) -> dict[str, Any]:
        """Store the ground truth of one request, and return the state of each row and the count of each state.

        Raises
        ------
        Exception
            One of `lambdas.http.problems.PROBLEMS`. `BusyError` is among them: another request that holds
            some of the same predictions is unfinished.
        """
        spec = self.catalog.spec(request.parameters["model"])
        rows = feedback.check_feedback(spec, request.json())
        results = self._take(spec.name, rows)
        counts = {state: sum(found is state for found, _ in results) for state in FeedbackState}
        self._count(spec.name, counts)
        return {
            "model": spec.name,
            "results": [
                {"prediction": row.prediction, "state": state, "detail": detail}
                for row, (state, detail) in zip(rows, results, strict=True)
            ],
            "counts": counts,
        }

    def _take(self, model: str, rows: list[FeedbackRow]) -> list[Result]:
        """Store each row whose prediction is known and recent enough; return the result of every row, in order."""
        now = self.clock()
        ids = [predictions.parse_prediction_id(row.prediction) for row in rows]
        records = self._records(model, ids, now)
        results: dict[int, Result] = {}
        folders: dict[str, dict[int, Line]] = {}
        for index, (row, found) in enumerate(zip(rows, ids, strict=True)):
            record = None if found is None else records.get(found.record)
            if found is None or record is None or found.row >= record["rows"]:
                results[index] = _refused(found, record, now)
                continue
            truth = Truth(row.prediction, model, record["version"], row.truth, _stamp(now))
            folders.setdefault(predictions.truth_folder(model, found.at), {})[index] = _line(truth, found)
        for folder, lines in folders.items():
            placed = self._place(list(lines.values()), folder)
            results |= {
                index: _told(rows[index], placement) for index, placement in zip(lines, placed, strict=True)
            }
        return [results[index] for index in range(len(rows))]

    def _records(self, model: str, ids: Iterable[PredictionId | None], now: datetime) -> dict[str, Item]:
        """Return the index entries of the predictions that still accept ground truth, by record id."""
        records = {found.record for found in ids if found is not None and not _is_late(found, now)}
        keys = {(predictions.partition(model, record), predictions.RECORD): record for record in records}
        return {keys[key]: item for key, item in self.table.get_many(keys).items()}

    def _place(self, lines: list[Line], folder: str) -> list[Placement]:
        try:
            return self.once.place(lines, folder)
        except ConflictError as error:
            raise BusyError(
                "another request with some of the same predictions is being stored or broke off; send this one again",
                RETRY_AFTER_SECONDS,
            ) from error

    def _count(self, model: str, counts: Mapping[FeedbackState, int]) -> None:
        groups = [
            Group({"model": model, "state": state}, {"Feedback": (count, COUNT)})
            for state, count in counts.items()
            if count
        ]
        for group in groups:
            self.meter.record(group)


def _is_late(found: PredictionId, now: datetime) -> bool:
    return now - found.at > timedelta(days=FEEDBACK_DAYS)


def _refused(found: PredictionId | None, record: Item | None, now: datetime) -> Result:
    """Return the state and reason of a row that is not stored."""
    if found is None:
        return FeedbackState.UNKNOWN, "this is no id of a prediction"
    if _is_late(found, now):
        return FeedbackState.LATE, f"the prediction is older than {FEEDBACK_DAYS} days"
    if record is not None:
        return FeedbackState.UNKNOWN, f"the request had {record['rows']} rows, counted from 0"
    if abs(now - found.at) < RECORDED_WITHIN:
        return (
            FeedbackState.UNKNOWN,
            "no such prediction yet; if it was just made, send this again in a minute",
        )
    return FeedbackState.UNKNOWN, "the model made no such prediction"


def _told(row: FeedbackRow, placement: Placement) -> Result:
    """Return the state and reason of a row whose prediction is known."""
    if placement.state is PlacementState.PLACED:
        return FeedbackState.ACCEPTED, "stored"
    first, at = placement.item["truth"], placement.item["at"]
    if first == decode(encode(row.truth)):  # both as numbers of the table
        return FeedbackState.DUPLICATE, f"the same was given before, at {at}"
    return FeedbackState.CONFLICT, f"{shown(first)} was given before, at {at}, and stands"


def _line(truth: Truth, found: PredictionId) -> Line:
    attributes = {
        "truth": truth.truth,
        "at": truth.at,
        ledger_keys.EXPIRES_AT: predictions.expires_at(found.at),
    }
    pk = predictions.partition(truth.model, found.record)
    return Line(pk, predictions.truth_sort(found.row), predictions.line(truth), attributes)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
