"""Notifications to people: a subject, a few readable lines, and attributes to filter on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import BotoCoreError, ClientError

from relearn import visible
from relearn.cutting import cut

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MESSAGE_BYTES = 16 * 1024
"""Bytes of what people are told at most: SNS takes 256 KB, a mail program and a chat far less."""
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
_SUBJECT_LENGTH = 100  # SNS: at most 100 characters, ASCII
_log = logging.getLogger(__name__)


class Notifier:
    """Publishes to the stage's topic.

    Parameters
    ----------
    client
        An SNS client.
    topic_arn
        The topic.
    stage
        Named in every message.
    """

    def __init__(self, client: SNSClient, topic_arn: str, stage: str) -> None:
        self._client = client
        self._topic = topic_arn
        self._stage = stage

    def tell(self, kind: Kind, model: str, headline: str, reason: str) -> None:
        """Publish one notification; that it cannot be sent is logged and stops nothing.

        Parameters
        ----------
        kind
            What happened.
        model
            To which model.
        headline
            One line, e.g. ``"run 2026... rejected"``.
        reason
            Why, in words.
        """
        subject = visible.line(f"[{self._stage}] {model}: {headline}").encode("ascii", "replace").decode()
        values = {"stage": self._stage, "model": model, "kind": kind}
        try:
            self._client.publish(
                TopicArn=self._topic,
                Subject=subject[:_SUBJECT_LENGTH],
                Message=cut(
                    f"{model} ({self._stage}): {visible.line(headline)}\n\n{visible.lines(reason)}\n",
                    MESSAGE_BYTES,
                ),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in values.items()
                },
            )
        except (BotoCoreError, ClientError):
            _log.exception("a notification could not be sent", extra={"model": model})
