"""Writes the result of a completed transform job: predictions with ids for feedback, failed lines with errors.

Line n of the result belongs to line n of the file. Predictions are recorded like those of requests,
`ROWS_A_RECORD` to a record. Everything is idempotent: the same job gives the same ids.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from io import BytesIO
from itertools import zip_longest
from typing import Any

from lambdas.aws.dynamo.table import Put, Table
from lambdas.aws.s3.storage import Storage
from relearn.api.jsonlines import ERRORS, MEDIA_TYPE, refused_errors
from relearn.errors import ConflictError, DataError, FieldError
from relearn.lifecycle.batches import ROWS_A_RECORD, Batch, BatchState
from relearn.naming import ledger_keys, s3_keys
from relearn.records import predictions
from relearn.records.predictions import Record
from relearn.spec.model import ModelSpec

_OTHER_COUNT = "the transform job did not answer one line for each line of the file"


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchResults:
    """Writes the results of batches.

    Parameters
    ----------
    storage
        Object storage.
    table
        The ledger's table, which holds the index of predictions.
    specs
        Model name to spec.
    lake
        Name of the lake's bucket.
    """

    storage: Storage
    table: Table
    specs: Mapping[str, ModelSpec]
    lake: str

    def write(self, batch: Batch) -> int:
        """Write the result and prediction records of a batch; return the number of lines without a prediction.

        Raises
        ------
        DataError
            Code ``format``: the job left no result, or not one line for each line of the file.
        """
        failed = 0
        chunk = _Chunk(batch, 0)
        with tempfile.TemporaryFile() as result:
            for number, (given, answered) in enumerate(self._pairs(batch), 1):
                errors, output = _read(given, answered)
                if errors is not None:
                    failed += 1
                    told: dict[str, Any] = {"line": number, ERRORS: [asdict(error) for error in errors]}
                else:
                    told = {"id": chunk.take(json.loads(given), output), **output}
                result.write(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                if len(chunk.outputs) == ROWS_A_RECORD:
                    self._record(batch, chunk)
                    chunk = _Chunk(batch, chunk.number + 1)
            if chunk.outputs:
                self._record(batch, chunk)
            result.seek(0)
            key = s3_keys.batch_answers_key(batch.model, batch.batch_id)
            self.storage.write(self.lake, key, result, MEDIA_TYPE)
        return failed

    def _pairs(self, batch: Batch) -> Iterator[tuple[bytes, bytes]]:
        of = (batch.model, batch.batch_id)
        given = self.storage.lines(self.lake, s3_keys.batch_input_key(*of))
        answers = self.storage.lines(self.lake, s3_keys.batch_output_key(*of))
        for line, answer in zip_longest(given, answers):
            if line is None or answer is None:
                raise DataError("format", _OTHER_COUNT)
            yield line, answer

    def _record(self, batch: Batch, chunk: _Chunk) -> None:
        spec = self.specs[batch.model]
        private = {column.name for column in spec.columns if column.private}
        inputs = [{name: value for name, value in row.items() if name not in private} for row in chunk.inputs]
        record = Record(
            id=chunk.id,
            model=batch.model,
            version=batch.version,
            at=batch.times[BatchState.RUNNING],
            request_id=batch.batch_id,
            latency_ms=0.0,
            inputs=inputs,
            outputs=chunk.outputs,
        )
        at = datetime.fromisoformat(record.at)
        key = f"{predictions.predictions_folder(batch.model, at)}{record.id}.jsonl"
        self.storage.write_once(self.lake, key, BytesIO(predictions.line(record) + b"\n"))
        item = {
            "rows": len(record.outputs),
            "at": record.at,
            "version": record.version,
            "object": key,
            ledger_keys.EXPIRES_AT: predictions.expires_at(at),
        }
        with suppress(ConflictError):  # an earlier attempt indexed it
            self.table.write(
                Put(pk=predictions.partition(batch.model, record.id), sk=predictions.RECORD, item=item)
            )


class _Chunk:
    """Answered lines that share a prediction record."""

    def __init__(self, batch: Batch, number: int) -> None:
        at = datetime.fromisoformat(batch.times[BatchState.RUNNING])
        self.number = number
        self.id = predictions.record_id(at, f"{batch.model}/{batch.batch_id}/{number}")
        self.inputs: list[dict[str, Any]] = []
        self.outputs: list[dict[str, Any]] = []

    def take(self, row: dict[str, Any], output: dict[str, Any]) -> str:
        """Add a line and return the id of its prediction."""
        self.inputs.append(row)
        self.outputs.append(output)
        return predictions.prediction_id(self.id, len(self.outputs) - 1)


def _read(given: bytes, answered: bytes) -> tuple[list[FieldError] | None, dict[str, Any]]:
    """Return the errors of a line, or None and its prediction."""
    if (errors := refused_errors(given)) is not None:
        return errors, {}
    output: dict[str, Any] = json.loads(answered)
    if ERRORS in output:
        return [FieldError(**error) for error in output[ERRORS]], {}
    return None, output
