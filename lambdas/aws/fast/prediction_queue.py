"""Sends prediction records without an SDK: to a queue, and what is too large for it straight into the lake.

A record may come twice to either place: the queue's reader knows it by its id, and its object in the lake is written
once.
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
"""How long the queue may take, a retry included: someone waits for an answer that is there already."""
LARGE_SECONDS = 2.0
"""How long the lake may take before it, for a record that is large."""
MAX_MESSAGE_BYTES = 256 * 1024
SEND = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"}
_PUT = {"content-type": "application/jsonlines", "if-none-match": "*"}
_WRITTEN = frozenset({409, 412})
"""What S3 answers when another request is writing the same object, or wrote it."""


class PredictionQueue:
    """Sends prediction records to their queue, and large ones to the lake.

    Parameters
    ----------
    queue, url
        SQS, and the queue's URL.
    s3, lake
        Makes S3, for the rare record that needs it; and the lake's bucket.
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
            What its caller has left; each step takes no longer, and no longer than its own limit.

        Raises
        ------
        RefusedError, TimeoutError, UnreachableError
            It may not have arrived.
        """
        body = json.dumps(record, separators=(",", ":"))  # ASCII alone: a character is a byte
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
    """Key of a large record's object: the same for the same record, whoever sends it how often."""
    folder = predictions.predictions_folder(record["model"], datetime.fromisoformat(record["at"]))
    return f"{folder}{record['id']}.jsonl"


def _brief(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Say what the index knows of a record that is in the lake already."""
    kept = {name: record[name] for name in ("id", "model", "version", "at")}
    return {**kept, "rows": len(record["outputs"]), "object": key}
