"""Sends shadow requests to their queue, without an SDK."""

from __future__ import annotations

import json

from lambdas.aws.fast.client import Service
from lambdas.aws.fast.prediction_queue import QUEUE_SECONDS, SEND
from relearn.traffic import shadow_requests


class TrialQueue:
    """Sends messages to the queue of shadow requests.

    Parameters
    ----------
    queue
        Client of SQS.
    url
        URL of the queue.
    """

    def __init__(self, queue: Service, url: str) -> None:
        self._queue = queue
        self._url = url

    def send(self, message: str) -> bool:
        """Send a message; return False, without sending, when it is too large.

        Parameters
        ----------
        message
            Result of `relearn.traffic.shadow_requests.write`.

        Raises
        ------
        RefusedError, TimeoutError, UnreachableError
            The message may not have arrived.
        """
        if len(message) > shadow_requests.MAX_BYTES:
            return False
        body = json.dumps({"QueueUrl": self._url, "MessageBody": message}).encode()
        self._queue.send("POST", "/", SEND, body, QUEUE_SECONDS)
        return True
