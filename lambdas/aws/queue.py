"""The ingest queue: an upload whose event was lost, or that was put off, is sent again as if its event had come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class IngestQueue:
    """Sends messages to ingest.

    Parameters
    ----------
    client
        An SQS client.
    url
        The queue's URL.
    """

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, event: dict[str, Any], seconds: int = 0) -> None:
        """Send one event, which nobody gets before so many seconds, 900 at most, have passed."""
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps(event), DelaySeconds=seconds)
