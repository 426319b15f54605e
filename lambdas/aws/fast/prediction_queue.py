"""Sends prediction records without an SDK: to a queue, or straight to the lake when they are too large for it.

A record may arrive twice at either place: the queue's reader recognises it by its id, and its object in the
lake is written once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from lambdas.aws.fast.client import RefusedError, Service
from relearn.records import predictions

QUEUE_SECONDS = 1.0
"""Time limit of the queue in seconds, a retry included: the answer to a caller waits for it."""
LARGE_SECONDS = 2.0
"""Time limit in seconds of writing a large record to the lake first."""
MAX_MESSAGE_BYTES = 256 * 1024
"""Largest record that is sent to the queue, in bytes."""
SEND = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"}
"""Headers of SQS's SendMessage."""
_PUT = {"content-type": "application/jsonlines", "if-none-match": "*"}
_WRITTEN = frozenset({409, 412})
"""Statuses of S3 when another request is writing, or has written, the same object."""


class PredictionQueue:
    """Sends prediction records to their queue, and large ones to the lake.

    Parameters
    ----------
    queue
        Client of SQS.
    url
        URL of the queue.
    s3
        Returns the client of S3; called only for a record that needs it.
    lake
        Name of the lake's bucket.
    """

    def __init__(self, *, queue: Service, url: str, s3: Callable[[], Service], lake: str) -> None:
        self._queue = queue
        self._url = url
        self._s3 = s3
        self._lake = lake

    def send(self, record: Mapping[str, Any], seconds: float) -> None:
        """Send one record.

        Parameters
        ----------
        record
            See `relearn.records.predictions`.
        seconds
            Time that the request has left, in seconds; each step has a limit of its own, too.

        Raises
        ------
        RefusedError, TimeoutError, UnreachableError
            The record may not have arrived.
        """
        body = json.dumps(record, separators=(",", ":"))  # ASCII only, so its length is in bytes
        if len(body) > MAX_MESSAGE_BYTES:
            key = _own_key(record)
            self._write(key, body, min(LARGE_SECONDS, seconds))
            body = json.dumps(_brief(record, key))
        message = json.dumps({"QueueUrl": self._url, "MessageBody": body}).encode()
        self._queue.send("POST", "/", SEND, message, min(QUEUE_SECONDS, seconds))

    def _write(self, key: str, body: str, seconds: float) -> None:
        try:
            path = f"/{self._lake}/{quote(key)}"
            self._s3().send("PUT", path, _PUT, f"{body}\n".encode(), seconds)
        except RefusedError as error:
            if error.status not in _WRITTEN:
                raise


def _own_key(record: Mapping[str, Any]) -> str:
    """Return the key of a large record's object, the same for every attempt."""
    folder = predictions.predictions_folder(record["model"], datetime.fromisoformat(record["at"]))
    return f"{folder}{record['id']}.jsonl"


def _brief(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the index entry of a record that is in the lake already."""
    kept = {name: record[name] for name in ("id", "model", "version", "at")}
    return {**kept, "rows": len(record["outputs"]), "object": key}
