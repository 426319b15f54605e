"""Scores one batch: checks its file, starts its transform job, and ends it; every step is idempotent.

The first file that arrives counts. It is checked and copied to the lake before it is scored, where only these
functions write, so that a file sent later with the same form changes nothing. A line that does not fit the
spec is replaced by its errors; the other lines are scored.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.metrics import Meter
from lambdas.aws.s3.storage import Storage
from lambdas.aws.sagemaker.transforms import Transforms
from lambdas.batches.results import BatchResults
from relearn.api.jsonlines import MAX_ERRORS, MAX_LINE_BYTES, MEDIA_TYPE, read_line, refused
from relearn.api.strict_json import BOM
from relearn.cutting import cut
from relearn.errors import (
    ConflictError,
    DataError,
    FieldError,
    InvalidLinesError,
    LineError,
    ModelFailedError,
    NotFoundError,
)
from relearn.lifecycle import batches
from relearn.lifecycle.batches import Batch, BatchState
from relearn.naming import s3_keys
from relearn.spec.model import ModelSpec

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchCloser:
    """Ends batches whose transform job has ended.

    Parameters
    ----------
    records, transforms, meter
        Adapters.
    clock
        Returns the current time, aware.
    results
        Writes the results of a completed job; None: another function writes them, and the batch runs until
        then.
    """

    records: BatchRecords
    transforms: Transforms
    meter: Meter
    clock: Callable[[], datetime]
    results: BatchResults | None = None

    def close(self, batch: Batch, status: str, reason: str) -> Batch:
        """End a running batch if its job's status is final, and return the batch.

        Parameters
        ----------
        batch
            The batch.
        status
            Status of its transform job.
        reason
            Why the job failed; empty when it did not.
        """
        found = batches.outcome(status, reason)
        if batch.state is not BatchState.RUNNING or found is None:
            return batch
        if found[0] is not BatchState.SUCCEEDED:
            return self.move(batch, *found)
        if self.results is None:
            return batch
        try:
            failed = self.results.write(batch)
        except DataError as error:
            return self.move(batch, BatchState.FAILED, error.detail)
        return self.move(batch, BatchState.SUCCEEDED, failed=failed)

    def look(self, batch: Batch) -> Batch:
        """End a running batch whose event was lost, by the status of its transform job; return the batch."""
        if batch.state is not BatchState.RUNNING:
            return batch
        job = self.transforms.status(batch)
        if job is not None:
            return self.close(batch, job.status, job.reason)
        if batches.is_lost(batch, self.clock()):
            return self.move(batch, BatchState.FAILED, "the transform job could not be started")
        return batch

    def move(self, batch: Batch, state: BatchState, reason: str = "", **changes: Any) -> Batch:
        """Move a batch to a state, and return it; return its current record when another writer was first."""
        try:
            moved = self.records.move(batch, state, reason, **changes)
        except ConflictError:
            return self.records.batch(batch.model, batch.batch_id)
        self.meter.count("Batches", model=batch.model, state=state)
        _log.info("batch %s is %s", batch.batch_id, state, extra={"model": batch.model, "reason": reason})
        return moved


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchScorer:
    """Checks the files of batches and starts their transform jobs.

    Parameters
    ----------
    ledger, records, storage, transforms
        Adapters.
    closer
        Ends batches.
    specs
        Model name to spec.
    uploads, lake
        Names of the buckets: where files arrive, and where files to score and results are.
    """

    ledger: Ledger
    records: BatchRecords
    storage: Storage
    transforms: Transforms
    closer: BatchCloser
    specs: Mapping[str, ModelSpec]
    uploads: str
    lake: str

    def arrived(self, detail: Mapping[str, Any]) -> Batch | None:
        """Check the object that an ``Object Created`` event names, and start its transform job.

        Parameters
        ----------
        detail
            The event's detail: ``bucket.name`` and ``object.{key,size,version-id}``.

        Returns
        -------
        Batch or None
            The current batch; None when the object is not the file of a batch.
        """
        found = detail["object"]
        parsed = s3_keys.parse_batch_input(found["key"])
        if parsed is None or detail["bucket"]["name"] != self.uploads:
            return None
        try:
            batch = self.records.batch(*parsed)
        except NotFoundError:
            _log.info("the file of no batch, ignored: %s", found["key"])
            return None
        version_id = found["version-id"]
        if batch.state is BatchState.WAITING_FOR_FILE:
            batch = self._decide(batch, version_id, int(found["size"]))
        if batch.state is BatchState.RUNNING and batch.input_version == version_id:
            batch = self._start(batch)
        return batch

    def _decide(self, batch: Batch, version_id: str, size: int) -> Batch:
        spec = self.specs.get(batch.model)
        champion = self.ledger.route(batch.model).champion
        if spec is None or not champion:
            return self._fail(batch, "no version of the model serves any more")
        if size > batches.MAX_BYTES:
            return self._fail(batch, f"the file has {size} bytes; allowed: {batches.MAX_BYTES}")
        try:
            rows, fitting, errors = self._check(spec, batch, version_id)
        except NotFoundError:
            return self._fail(batch, "the file is gone")
        if not fitting:
            return self._fail(batch, cut(str(InvalidLinesError(errors)), batches.MAX_REASON), errors=errors)
        return self.closer.move(
            batch, BatchState.RUNNING, version=champion, rows=rows, input_version=version_id, errors=errors
        )

    def _check(
        self, spec: ModelSpec, batch: Batch, version_id: str
    ) -> tuple[int, int, tuple[LineError, ...]]:
        """Check every line of a file; return the number of lines, of valid lines, and the first `MAX_ERRORS` errors."""
        rows = fitting = 0
        errors: list[LineError] = []
        for rows, (_, wrong) in enumerate(self._read(spec, batch, version_id), 1):
            fitting += not wrong
            some = wrong[: MAX_ERRORS - len(errors)]
            errors += [LineError(rows, one.pointer, one.detail) for one in some]
        if not rows:
            errors.append(LineError(1, "", "the file is empty; allowed: one JSON object a line"))
        return rows, fitting, tuple(errors)

    def _read(
        self, spec: ModelSpec, batch: Batch, version_id: str
    ) -> Iterator[tuple[bytes, list[FieldError]]]:
        """Yield the lines of a file, without line ends, each with its errors."""
        with tempfile.TemporaryDirectory(prefix="batch-") as folder:
            file = Path(folder) / s3_keys.BATCH_INPUT
            key = s3_keys.batch_input_key(batch.model, batch.batch_id)
            self.storage.download(self.uploads, key, version_id, file)
            with file.open("rb") as lines:
                for number, line in enumerate(_lines(lines)):
                    text = line if number else line.removeprefix(BOM)
                    yield text, read_line(spec, text)[1]

    def _write(self, batch: Batch) -> None:
        """Write the file that is scored: valid lines, and the errors of each other line in its place."""
        with tempfile.TemporaryFile() as scored:
            for line, wrong in self._read(self.specs[batch.model], batch, batch.input_version):
                scored.write(refused(wrong) if wrong else line + b"\n")
            scored.seek(0)
            key = s3_keys.batch_input_key(batch.model, batch.batch_id)
            self.storage.write(self.lake, key, scored, MEDIA_TYPE)

    def _start(self, batch: Batch) -> Batch:
        """Write the file and start the transform job of a running batch, unless the job exists."""
        if self.transforms.status(batch) is not None:
            return batch
        try:
            self._write(batch)
        except NotFoundError:
            return self._fail(batch, "the file is gone")
        try:
            self.transforms.start(batch, self.lake)
        except ModelFailedError as error:
            return self._fail(batch, str(error))
        return batch

    def _fail(self, batch: Batch, reason: str, **changes: Any) -> Batch:
        return self.closer.move(batch, BatchState.FAILED, reason, **changes)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file, without line ends; a line over `MAX_LINE_BYTES` is cut just above the limit."""
    while line := file.readline(MAX_LINE_BYTES + 2):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES)
        yield line.removesuffix(b"\n")
