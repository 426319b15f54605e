"""Continues a batch when its file arrives and when its transform job ends.

EventBridge delivers each event at least once, in any order. An event that still fails after Lambda's own
retries moves to the dead-letter queue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.batches.lifecycle import BatchCloser, BatchScorer
from lambdas.runtime import s3_events
from relearn.errors import NotFoundError
from relearn.naming import resources

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """Handles the events of uploaded files and ended transform jobs.

    Parameters
    ----------
    records
        Holds the batches.
    scorer
        Checks files and starts transform jobs.
    closer
        Ends batches.
    stage
        Name of the stage, part of the jobs' names.
    """

    records: BatchRecords
    scorer: BatchScorer
    closer: BatchCloser
    stage: str

    def hear(self, event: Mapping[str, Any]) -> dict[str, str]:
        """Handle one event: an object, an ended transform job, or the sweep's request to look at a running batch.

        Returns
        -------
        dict
            ``batch`` and ``state``; empty when the event concerns no batch.
        """
        if event["detail-type"] == s3_events.OBJECT_CREATED:
            batch = self.scorer.arrived(event["detail"])
        elif event["detail-type"] == s3_events.BATCH_RUNS:
            batch = self.closer.look(self.records.batch(event["detail"]["model"], event["detail"]["batch"]))
        else:
            batch = self._ended(event["detail"])
        return {} if batch is None else {"batch": batch.batch_id, "state": batch.state}

    def _ended(self, detail: Mapping[str, Any]) -> Any:
        parsed = resources.parse_transform_job(self.stage, detail["TransformJobName"])
        if parsed is None:
            return None
        try:
            batch = self.records.batch(*parsed)
        except NotFoundError:
            _log.info("the job of no batch, ignored: %s", detail["TransformJobName"])
            return None
        return self.closer.close(batch, detail["TransformJobStatus"], detail.get("FailureReason") or "")
