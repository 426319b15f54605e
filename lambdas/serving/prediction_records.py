"""What is kept of a request that was answered: its record, sent when the answer exists and never in its way.

A record belongs to an answer. One that is given again, to the same Idempotency-Key, is sent with the record it had
the first time, because the process that first gave it may have died before it sent any; who reads the queue makes
one of them.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from lambdas.aws.fast.prediction_queue import PredictionQueue
from lambdas.serving.request_context import RequestContext
from relearn.records.predictions import prediction_id, record_id
from relearn.spec.model import ModelSpec

RECORD = "record"
"""Where an answer has what its record says besides; no caller gets that."""
LOOKED_UP = "looked_up"
"""Key of the record that holds looked-up columns: number of the instance to column to value."""
_log = logging.getLogger(__name__)


class PredictionRecords:
    """Gives predictions their ids, and sends prediction records.

    Parameters
    ----------
    queue
        Receives the records.
    now
        Returns the time, aware.
    """

    def __init__(self, queue: PredictionQueue, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._now = now

    def answer(
        self,
        model: str,
        version: int,
        predictions: list[dict[str, Any]],
        request_id: str,
        context: RequestContext,
        *,
        looked_up: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return the answer to a request, with an id for each prediction.

        Parameters
        ----------
        model, version
            Who predicted.
        predictions
            One for each instance.
        request_id
            The API's.
        context
            Knows how long it took.
        looked_up
            What the instances left out, as `relearn.records.online_features.looked_up` tells it: no later request could find it.

        Returns
        -------
        dict
            ``model``, ``version`` and ``predictions``, each with its id; and, for `note`, `RECORD`.
        """
        at = self._now()
        record = record_id(at, secrets.token_hex(8))
        return {
            "model": model,
            "version": version,
            "predictions": [{"id": prediction_id(record, row), **one} for row, one in enumerate(predictions)],
            RECORD: {
                "id": record,
                "at": at.isoformat(timespec="milliseconds"),
                "request_id": request_id,
                "latency_ms": round(context.elapsed() * 1000, 3),
                **({LOOKED_UP: dict(looked_up)} if looked_up else {}),
            },
        }

    def note(
        self,
        spec: ModelSpec,
        instances: list[dict[str, Any]],
        answer: dict[str, Any],
        context: RequestContext,
    ) -> dict[str, Any]:
        """Note what the record of an answer will be, and give the answer as callers get it.

        Parameters
        ----------
        spec
            The model's spec.
        instances
            What was asked.
        answer
            As `answer` made it, now or for an earlier request.
        context
            The request.
        """
        told = answer.pop(RECORD, None)  # what an older version of this function kept for a key has none
        if told is not None:
            context.record = lambda: _record(spec, instances, answer, told)
        return answer

    def send(self, context: RequestContext) -> None:
        """Send the record of a request that was answered; when that fails it is counted, and the answer stands."""
        if context.record is None:
            return
        with context.phase("record"):
            try:
                self._queue.send(context.record(), context.seconds_left())
            except Exception:  # noqa: BLE001 - whatever it is, the caller has an answer
                context.lost = True
                _log.warning("the record of an answer is lost", exc_info=True)


def _record(
    spec: ModelSpec, instances: list[dict[str, Any]], answer: dict[str, Any], told: dict[str, Any]
) -> dict[str, Any]:
    """Write a record: what `relearn.records.predictions.Record` holds.

    Private columns are left out whole. A hash of one could be undone: most columns take few enough values to try all.
    """
    private = {column.name for column in spec.columns if column.private}
    added = told.get(LOOKED_UP, {})
    scored = [{**one, **added.get(str(index), {})} for index, one in enumerate(instances)]
    return {
        **{name: value for name, value in told.items() if name != LOOKED_UP},
        "model": answer["model"],
        "version": answer["version"],
        "inputs": _without(private, scored) if private else scored,
        "outputs": _without({"id"}, answer["predictions"]),
    }


def _without(names: set[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]
