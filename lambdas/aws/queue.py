"""Sends events to the ingest queue, for uploads whose event was lost or that were put off."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class IngestQueue:
    """Sends messages to the ingest queue.

    Parameters
    ----------
    client
        An SQS client.
    url
        URL of the queue.
    """

    client: SQSClient
    url: str

    def send(self, event: dict[str, Any], seconds: int = 0) -> None:
        """Send one event, which is delivered after ``seconds`` (0 to 900, the maximum of SQS)."""
        self.client.send_message(QueueUrl=self.url, MessageBody=json.dumps(event), DelaySeconds=seconds)
