"""Notifies people through SNS: a subject, a few readable lines, and attributes for subscription filters."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import BotoCoreError, ClientError

from relearn import visible
from relearn.cutting import cut

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MESSAGE_BYTES = 16 * 1024
"""Largest message, in bytes: SNS accepts 256 KB, mail programs and chats far less."""
Kind = Literal[
    "quarantined",
    "failed",
    "rejected",
    "rolled_back",
    "waiting",
    "promoted",
    "changed",
    "replaced",
    "doubted",
]
"""Kind of event that people are notified of; an attribute for subscription filters."""
_SUBJECT_LENGTH = 100  # SNS: at most 100 characters, ASCII
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notifier:
    """Publishes notifications to the stage's topic.

    Parameters
    ----------
    client
        An SNS client.
    topic_arn
        ARN of the topic.
    stage
        Name of the stage, part of every message.
    """

    client: SNSClient
    topic_arn: str
    stage: str

    def tell(self, kind: Kind, model: str, headline: str, reason: str) -> None:
        """Publish one notification; a failure is logged and not raised.

        Parameters
        ----------
        kind
            Kind of event, an attribute for filters.
        model
            Name of the model.
        headline
            One line, such as ``"run 2026... rejected"``.
        reason
            Why, in words; may have several lines.
        """
        subject = visible.line(f"[{self.stage}] {model}: {headline}").encode("ascii", "replace").decode()
        values = {"stage": self.stage, "model": model, "kind": kind}
        try:
            self.client.publish(
                TopicArn=self.topic_arn,
                Subject=subject[:_SUBJECT_LENGTH],
                Message=cut(
                    f"{model} ({self.stage}): {visible.line(headline)}\n\n{visible.lines(reason)}\n",
                    MESSAGE_BYTES,
                ),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in values.items()
                },
            )
        except (BotoCoreError, ClientError):
            _log.exception("a notification could not be sent", extra={"model": model})
