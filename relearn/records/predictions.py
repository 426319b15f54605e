"""Prediction records and truths: ids, keys, lines, and how they are joined.

A *record* is one answered request; its id sorts by time. A *prediction* is one row of it, and its id is the
record's id and the row number. A *truth* is the true value of one prediction, known later. Both are JSON
Lines in the lake, in a folder per model and day (the day of the prediction, so that a record and its truths
are together): ``predictions/<model>/dt=YYYY-MM-DD/...jsonl`` and ``truth/<model>/dt=YYYY-MM-DD/...jsonl``. An
index in the ledger's table has the object of each line: ``pk = PREDICTION#<model>#<record id>``, ``sk``
either ``RECORD`` or ``TRUTH#<row>``.
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
"""Days after a prediction within which its truth is accepted."""
INDEX_DAYS = FEEDBACK_DAYS + 7
"""Days for which the index keeps a prediction: longer, so that no accepted feedback misses it."""
WRITER_SECONDS = 60
"""Timeout of the functions that write lines, in seconds."""
CLAIM_SECONDS = WRITER_SECONDS + 30
"""Seconds after which a claim without its object belongs to a writer that has ended, even with a clock
difference."""

PARTITION = "PREDICTION#"
"""Prefix of the index's partition keys."""
RECORD = "RECORD"
"""Sort key of a record in the index."""
PREDICTIONS = "predictions"
TRUTH = "truth"
_TIME = "%Y%m%dt%H%M%S"
_PREDICTION = re.compile(r"(\d{8}t\d{6}-[0-9a-f]{12})-(0|[1-9]\d{0,3})", re.ASCII)
_RECORD_ID = re.compile(r"(\d{8}t\d{6})-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PredictionId:
    """Parsed id of a prediction.

    Parameters
    ----------
    record
        Id of the record.
    row
        Row in the record, from 0.
    at
        Time of the answer, to the second, time-zone aware.
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
        Id of the record, see `record_id`.
    model, version
        Model and version that answered.
    at
        Time of the answer: ISO 8601, UTC, milliseconds.
    request_id
        Request id of the API.
    latency_ms
        Latency of the answer, in milliseconds.
    inputs
        Instances, without private columns.
    outputs
        Prediction for each instance, without ids.
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
    """True value of one prediction.

    Parameters
    ----------
    prediction
        Id of the prediction.
    model, version
        Model and version that predicted.
    truth
        Value of the spec's target.
    at
        Time of the feedback: ISO 8601, UTC, milliseconds.
    """

    prediction: str
    model: str
    version: int
    truth: str | float
    at: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One prediction, with its truth if there is one.

    Parameters
    ----------
    prediction
        Id of the prediction.
    record
        Record that it is part of.
    input, output
        Its instance and its prediction.
    truth
        Its truth; None while there is no feedback.
    """

    prediction: str
    record: Record
    input: dict[str, Any]
    output: dict[str, Any]
    truth: Truth | None


def record_id(at: datetime, seed: str) -> str:
    """Return a record id of 28 characters that sorts by time.

    Parameters
    ----------
    at
        Time of the answer, time-zone aware.
    seed
        Random text that distinguishes it from other records; hashed.
    """
    return f"{at.astimezone(UTC):{_TIME}}-{hashlib.sha256(seed.encode()).hexdigest()[:12]}"


def prediction_id(record: str, row: int) -> str:
    """Return the id of one row of a record; `parse_prediction_id` reads it back."""
    return f"{record}-{row}"


def parse_prediction_id(text: str) -> PredictionId | None:
    """Parse the id of a prediction; None when the text cannot be one."""
    found = _PREDICTION.fullmatch(text)
    at = None if found is None else _record_time(found[1])
    return None if found is None or at is None else PredictionId(found[1], int(found[2]), at)


def partition(model: str, record: str) -> str:
    """Return the partition key of a record and its truths in the index."""
    return f"{PARTITION}{model}#{record}"


def truth_sort(row: int) -> str:
    """Return the sort key of a row's truth in the index."""
    return f"TRUTH#{row}"


def expires_at(at: datetime) -> int:
    """Return the expiry of a prediction and its truth in the index, in seconds since 1970.

    Parameters
    ----------
    at
        Time of the prediction, time-zone aware.
    """
    return int((at + timedelta(days=INDEX_DAYS)).timestamp())


def predictions_folder(model: str, at: datetime) -> str:
    """Return the folder of a model's records of a day in the lake; ends in a slash."""
    return _folder(PREDICTIONS, model, at)


def truth_folder(model: str, at: datetime) -> str:
    """Return the folder of the truths of a model's predictions of a day in the lake; ends in a slash."""
    return _folder(TRUTH, model, at)


def object_name(partitions: Iterable[str], token: str) -> str:
    """Return the name of an object with lines.

    It begins with the time of the newest record, so that older objects need not be read.

    Parameters
    ----------
    partitions
        Partition keys of the lines in the index, at least one.
    token
        Distinguishes it from other objects.
    """
    return f"{max(key.rpartition('#')[2] for key in partitions)[:15]}-{token}.jsonl"


def line(what: Record | Truth) -> bytes:
    """Write a record or truth as a line of JSON, without the newline."""
    return json.dumps(asdict(what), separators=(",", ":")).encode()


def read_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """Parse lines of records."""
    return (Record(**json.loads(text)) for text in lines)


def read_truths(lines: Iterable[bytes]) -> Iterator[Truth]:
    """Parse lines of truths."""
    return (Truth(**json.loads(text)) for text in lines)


def join(records: Iterable[Record], truths: Iterable[Truth]) -> Iterator[Outcome]:
    """Yield every prediction of the records, in order, with its truth, joined by id.

    Parameters
    ----------
    records
        Any records.
    truths
        Truths, at most one per prediction; those of other predictions are ignored.
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
