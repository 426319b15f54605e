"""Repairs batches: sends lost events again, and fails batches that wait in vain."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.aws.functions import Functions
from lambdas.aws.s3.storage import Storage
from lambdas.batches.lifecycle import BatchCloser
from lambdas.runtime import s3_events
from relearn.lifecycle import batches
from relearn.lifecycle.batches import Batch, BatchState, Repair
from relearn.naming import s3_keys

LISTENER = "batch_event"
"""Function that handles the events of batches."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchRepair:
    """Repairs batches that wait for their file or run.

    Parameters
    ----------
    records, storage, functions
        Adapters.
    closer
        Ends batches.
    bucket
        Name of the uploads bucket.
    clock
        Returns the current time, aware.
    """

    records: BatchRecords
    storage: Storage
    functions: Functions
    closer: BatchCloser
    bucket: str
    clock: Callable[[], datetime]

    def repair(self, model: str) -> None:
        """Repair the waiting batches of a model, and request a look at each running one."""
        for batch in self.records.waiting(model):
            self._one(batch)
        for batch in self.records.running(model):
            self.functions.wake(LISTENER, s3_events.batch_runs(batch.model, batch.batch_id))

    def _one(self, batch: Batch) -> None:
        key = s3_keys.batch_input_key(batch.model, batch.batch_id)
        first = self.storage.oldest(self.bucket, key)
        match batches.repair(batch, None if first is None else first.stored_at, self.clock()):
            case Repair.HAND_ON if first is not None:
                _log.warning("the file of batch %s was not heard of", batch.batch_id)
                self.functions.wake(LISTENER, s3_events.object_created(self.bucket, first))
            case Repair.GIVE_UP:
                reason = "its file could not be checked, however often it was tried; begin another batch"
                self.closer.move(batch, BatchState.FAILED, reason)
            case Repair.EXPIRE:
                reason = "no file came while its form was good; begin another batch"
                self.closer.move(batch, BatchState.FAILED, reason)
