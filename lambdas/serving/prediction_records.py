"""Builds and sends the prediction record of a request, after the answer exists and without failing it.

A record belongs to an answer. A replayed answer, to the same idempotency key, sends its first record again,
because the process that first answered may have died before sending it; the reader of the queue stores such a
record once.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from lambdas.aws.fast.prediction_queue import PredictionQueue
from lambdas.serving.request_context import RequestContext
from relearn.records.predictions import prediction_id, record_id
from relearn.spec.model import ModelSpec

RECORD = "record"
"""Key under which a stored answer holds the extra fields of its record. Callers never receive it."""
LOOKED_UP = "looked_up"
"""Key of a record's looked-up columns: number of the instance to column to value."""
_log = logging.getLogger(__name__)


class PredictionRecords:
    """Assigns ids to predictions, and sends prediction records.

    Parameters
    ----------
    queue
        Receives the records.
    now
        Returns the current time, aware.
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
            The version that predicted.
        predictions
            One for each instance, in order.
        request_id
            Request id of the API.
        context
            Supplies the latency.
        looked_up
            Columns that the instances left out, from `relearn.records.online_features.looked_up`. They are
            kept now, because the online table will have changed later. Empty when nothing was looked up.

        Returns
        -------
        dict
            ``model``, ``version`` and ``predictions``, each with its id; and `RECORD`, for `note`.
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
        """Set the record of the request, and return the answer without its `RECORD`.

        Parameters
        ----------
        spec
            The model's spec.
        instances
            The instances as the request sent them.
        answer
            Result of `answer`, of this request or of an earlier one with the same idempotency key.
        context
            The request.
        """
        told = answer.pop(RECORD, None)  # answers stored by an older version of this function have none
        if told is not None:
            context.record = partial(_record, spec, instances, answer, told)
        return answer

    def send(self, context: RequestContext) -> None:
        """Send the record of an answered request. A failure is counted as a lost record; the answer stands."""
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
    """Return the record of an answer, with the fields of `relearn.records.predictions.Record`.

    Private columns are left out completely. A hash would not protect them: most columns have few enough
    values to try all.
    """
    private = {column.name for column in spec.columns if column.private}
    added = told.get(LOOKED_UP, {})
    scored = [{**one, **added.get(str(index), {})} for index, one in enumerate(instances)]
    return {
        **{name: value for name, value in told.items() if name != LOOKED_UP},
        "model": answer["model"],
        "version": answer["version"],
        "inputs": [{name: value for name, value in row.items() if name not in private} for row in scored]
        if private
        else scored,
        "outputs": [
            {name: value for name, value in one.items() if name != "id"} for one in answer["predictions"]
        ],
    }
