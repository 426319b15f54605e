"""Hears what the stage tells people."""

from __future__ import annotations

import json

from tests.e2e.client import Stage

NAME = "privilege-listener"


class Listener:
    """A queue that is subscribed to the stage's topic."""

    def __init__(self, stage: Stage) -> None:
        self._sqs = stage.client("sqs")
        topic = stage.outputs["NotificationsTopic"]
        self._url = self._sqs.create_queue(QueueName=NAME)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        stage.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def forget(self) -> None:
        """Forget what was heard so far."""
        while self.heard():
            pass

    def heard(self) -> bool:
        """Tell whether anything was heard since; each message counts once."""
        messages = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)
