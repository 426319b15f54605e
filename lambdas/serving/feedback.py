"""Takes what proved true for predictions: checks it, stores each truth once, says what became of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
"""A younger prediction may not be in the index yet."""


RETRY_AFTER_SECONDS = 20


Result = tuple[FeedbackState, str]


class Feedback:
    """Stores truths.

    Parameters
    ----------
    table
        The ledger's table: the index of predictions and truths.
    once
        Puts truths into the lake.
    meter
        Counts rows by what became of them.
    catalog
        The models.
    clock
        Gives the time, aware.
    """

    def __init__(
        self, *, table: Table, once: Once, meter: Meter, catalog: Catalog, clock: Callable[[], datetime]
    ) -> None:
        self._table = table
        self._once = once
        self._meter = meter
        self._catalog = catalog
        self._clock = clock

    def answer(self, request: Request) -> dict[str, Any]:
        """Take the rows of one request.

        Raises
        ------
        Exception
            One of `lambdas.http.problems.PROBLEMS`.
        """
        spec = self._catalog.spec(request.parameters["model"])
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
        """Store what can be stored; what became of each row, in order."""
        now = self._clock()
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
        """Read what the index knows of the predictions whose truth may still come, by record."""
        records = {found.record for found in ids if found is not None and not _is_late(found, now)}
        keys = {(predictions.partition(model, record), predictions.RECORD): record for record in records}
        return {keys[key]: item for key, item in self._table.get_many(keys).items()}

    def _place(self, lines: list[Line], folder: str) -> list[Placement]:
        try:
            return self._once.place(lines, folder)
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
            self._meter.record(group)


def _is_late(found: PredictionId, now: datetime) -> bool:
    return now - found.at > timedelta(days=FEEDBACK_DAYS)


def _refused(found: PredictionId | None, record: Item | None, now: datetime) -> Result:
    """Say why a row is not stored."""
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
    """Say what became of a row whose prediction is known."""
    if placement.state is PlacementState.PLACED:
        return FeedbackState.ACCEPTED, "stored"
    first, at = placement.item["truth"], placement.item["at"]
    if first == decode(encode(row.truth)):  # as the table gives numbers back
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
