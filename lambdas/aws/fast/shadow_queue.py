"""Sends copies of answered requests to the queue of trials, without an SDK."""

from __future__ import annotations

import json

from lambdas.aws.fast.client import Service
from lambdas.aws.fast.prediction_queue import QUEUE_SECONDS, SEND
from relearn.traffic import shadow_requests


class TrialQueue:
    """The queue.

    Parameters
    ----------
    queue, url
        SQS, and the queue's URL.
    """

    def __init__(self, queue: Service, url: str) -> None:
        self._queue = queue
        self._url = url

    def send(self, message: str) -> bool:
        """Send a message; False when it is too large to be sent.

        Parameters
        ----------
        message
            As `relearn.traffic.shadow_requests.write` wrote it.

        Raises
        ------
        RefusedError, TimeoutError, UnreachableError
            It may not have arrived.
        """
        if len(message) > shadow_requests.MAX_BYTES:
            return False
        body = json.dumps({"QueueUrl": self._url, "MessageBody": message}).encode()
        self._queue.send("POST", "/", SEND, body, QUEUE_SECONDS)
        return True
