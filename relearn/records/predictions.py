"""Predictions and the truths that come later: their ids, their keys, their lines, and how they are joined.

A *record* is one answered request; its id sorts by time. A *prediction* is one row of it, its id the record's
and the row's number. A *truth* is what later proved true for one prediction. In the lake both are JSON Lines,
a folder a model and day (the day of the prediction, so that what belongs together lies together):
``predictions/<model>/dt=YYYY-MM-DD/...jsonl`` and ``truth/<model>/dt=YYYY-MM-DD/...jsonl``. An index in the
ledger's table knows which object has which line: ``pk = PREDICTION#<model>#<record id>``, ``sk`` either
``RECORD`` or ``TRUTH#<row>``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

FEEDBACK_DAYS = 90
"""For how long after a prediction its truth may come."""
INDEX_DAYS = FEEDBACK_DAYS + 7
"""For how long the index knows a prediction: longer, so that nothing it knows is missed at the edge."""
WRITER_SECONDS = 60
"""Longest time that a function which writes lines may run."""
CLAIM_SECONDS = WRITER_SECONDS + 30
"""After this a claim whose object is not there belongs to a writer that is gone, whatever the clocks say."""

PARTITION = "PREDICTION#"
"""What the index's partition keys start with."""
RECORD = "RECORD"
"""Sort key of a record in the index."""
PREDICTIONS = "predictions"
TRUTH = "truth"
_TIME = "%Y%m%dt%H%M%S"
_PREDICTION = re.compile(r"(\d{8}t\d{6}-[0-9a-f]{12})-(0|[1-9]\d{0,3})", re.ASCII)
_RECORD_ID = re.compile(r"(\d{8}t\d{6})-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PredictionId:
    """What the id of a prediction says.

    Parameters
    ----------
    record
        Id of the answered request.
    row
        Which of its rows, from 0.
    at
        When it was answered, to the second, aware.
    """

    record: str
    row: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """One answered request.

    Parameters
    ----------
    id
        See `record_id`.
    model, version
        Who answered.
    at
        When: ISO 8601, UTC, milliseconds.
    request_id
        The API's.
    latency_ms
        How long the answer took.
    inputs
        The instances, without private columns.
    outputs
        What was predicted for each, without ids.
    """

    id: str
    model: str
    version: int
    at: str
    request_id: str
    latency_ms: float
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Truth:
    """What proved true for one prediction.

    Parameters
    ----------
    prediction
        Its id.
    model, version
        Who predicted.
    truth
        As the spec's target.
    at
        When it was given: ISO 8601, UTC, milliseconds.
    """

    prediction: str
    model: str
    version: int
    truth: str | float
    at: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One prediction and what is known of it now.

    Parameters
    ----------
    prediction
        Its id.
    record
        The request it was part of.
    input, output
        Its row of the request and of the answer.
    truth
        What proved true; None while nobody has said.
    """

    prediction: str
    record: Record
    input: dict[str, Any]
    output: dict[str, Any]
    truth: Truth | None


def record_id(at: datetime, seed: str) -> str:
    """Make the id of a record, 28 characters, that sorts by time.

    Parameters
    ----------
    at
        When the request was answered, aware.
    seed
        What tells it from every other, random; hashed.
    """
    return f"{at.astimezone(UTC):{_TIME}}-{hashlib.sha256(seed.encode()).hexdigest()[:12]}"


def prediction_id(record: str, row: int) -> str:
    """Make the id of one row of a record; `parse_prediction_id` reads it back."""
    return f"{record}-{row}"


def parse_prediction_id(text: str) -> PredictionId | None:
    """Read the id of a prediction; None when it cannot be one."""
    found = _PREDICTION.fullmatch(text)
    at = None if found is None else _record_time(found[1])
    return None if found is None or at is None else PredictionId(found[1], int(found[2]), at)


def partition(model: str, record: str) -> str:
    """Partition key of a record and its truths in the index."""
    return f"{PARTITION}{model}#{record}"


def truth_sort(row: int) -> str:
    """Sort key of a row's truth in the index."""
    return f"TRUTH#{row}"


def expires_at(at: datetime) -> int:
    """When the index forgets a prediction and its truth: seconds since 1970.

    Parameters
    ----------
    at
        When the prediction was made, aware.
    """
    return int((at + timedelta(days=INDEX_DAYS)).timestamp())


def predictions_folder(model: str, at: datetime) -> str:
    """Where the records of a model and day are in the lake; ends in a slash."""
    return _folder(PREDICTIONS, model, at)


def truth_folder(model: str, at: datetime) -> str:
    """Where the truths of a model's predictions of a day are in the lake; ends in a slash."""
    return _folder(TRUTH, model, at)


def object_name(partitions: Iterable[str], token: str) -> str:
    """Name of an object with lines: the time of its newest record, so that older objects need not be read.

    Parameters
    ----------
    partitions
        The lines' partition keys in the index, at least one.
    token
        Tells it from every other object.
    """
    return f"{max(key.rpartition('#')[2] for key in partitions)[:15]}-{token}.jsonl"


def line(what: Record | Truth) -> bytes:
    """Write a record or truth as a line of JSON, without the line's end."""
    return json.dumps(asdict(what), separators=(",", ":")).encode()


def read_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """Read the lines of records."""
    return (Record(**json.loads(text)) for text in lines)


def read_truths(lines: Iterable[bytes]) -> Iterator[Truth]:
    """Read the lines of truths."""
    return (Truth(**json.loads(text)) for text in lines)


def join(records: Iterable[Record], truths: Iterable[Truth]) -> Iterator[Outcome]:
    """Give every prediction of the records, in order, with its truth: exactly by its id.

    Parameters
    ----------
    records
        Any.
    truths
        At most one of a prediction; those of other predictions are left out.
    """
    known = {truth.prediction: truth for truth in truths}
    for record in records:
        for row, (given, told) in enumerate(zip(record.inputs, record.outputs, strict=True)):
            name = prediction_id(record.id, row)
            yield Outcome(name, record, given, told, known.get(name))


def _folder(kind: str, model: str, at: datetime) -> str:
    return f"{kind}/{model}/dt={at.astimezone(UTC):%Y-%m-%d}/"


def _record_time(record: str) -> datetime | None:
    found = _RECORD_ID.fullmatch(record)
    try:
        return None if found is None else datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
