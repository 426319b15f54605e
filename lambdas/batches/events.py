"""Carries batches on: when the file of one arrives, and when its transform job ends.

EventBridge calls it, at least once for each event and in any order. What still fails after Lambda's own retries waits in
the dead-letter queue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.batches.lifecycle import BatchCloser, BatchScorer
from lambdas.runtime import s3_events
from relearn.errors import NotFoundError
from relearn.naming import resources

_log = logging.getLogger(__name__)


class Listener:
    """Handles the events of uploaded files and ended transform jobs.

    Parameters
    ----------
    records
        Adapter.
    scorer, closer
        Begin and end batches.
    stage
        Part of the jobs' names.
    """

    def __init__(
        self, *, records: BatchRecords, scorer: BatchScorer, closer: BatchCloser, stage: str
    ) -> None:
        self._records = records
        self._scorer = scorer
        self._closer = closer
        self._stage = stage

    def hear(self, event: Mapping[str, Any]) -> dict[str, str]:
        """Do what an event asks for.

        Returns
        -------
        dict
            ``batch`` and ``state``; empty when it was about no batch.
        """
        if event["detail-type"] == s3_events.OBJECT_CREATED:
            batch = self._scorer.arrived(event["detail"])
        elif event["detail-type"] == s3_events.BATCH_RUNS:
            batch = self._closer.look(self._records.batch(event["detail"]["model"], event["detail"]["batch"]))
        else:
            batch = self._ended(event["detail"])
        return {} if batch is None else {"batch": batch.batch_id, "state": batch.state}

    def _ended(self, detail: Mapping[str, Any]) -> Any:
        parsed = resources.parse_transform_job(self._stage, detail["TransformJobName"])
        if parsed is None:
            return None
        try:
            batch = self._records.batch(*parsed)
        except NotFoundError:
            _log.info("the job of no batch, ignored: %s", detail["TransformJobName"])
            return None
        return self._closer.close(batch, detail["TransformJobStatus"], detail.get("FailureReason") or "")
