"""SQS queues: encrypted, over TLS only, with a dead-letter queue and long retention."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.base.functions import Function
from infra.base.grants import Grant

KEPT = Duration.days(14)
"""Default retention: the longest that SQS allows."""


def dead_letters(scope: Construct, kept: Duration = KEPT) -> sqs.Queue:
    """Create a dead-letter queue that keeps messages for ``kept``."""
    return sqs.Queue(
        scope,
        "DeadLetters",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=kept,
    )


def work(
    scope: Construct, *, tries: int, visibility_seconds: int, after: sqs.IQueue, kept: Duration = KEPT
) -> sqs.Queue:
    """Create a queue that a function consumes.

    Parameters
    ----------
    tries
        Maximum number of deliveries of a message.
    visibility_seconds
        Visibility timeout, in seconds.
    after
        Dead-letter queue.
    kept
        Retention of messages.
    """
    return sqs.Queue(
        scope,
        "Queue",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        visibility_timeout=Duration.seconds(visibility_seconds),
        retention_period=kept,
        dead_letter_queue=sqs.DeadLetterQueue(queue=after, max_receive_count=tries),
    )


def consume(queue: sqs.IQueue) -> Grant:
    """Allow what Lambda needs to consume a queue for a function."""
    return Grant(
        actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        resources=[queue.queue_arn],
    )


def tell_dead_letters(
    scope: Construct, construct_id: str, buried: Mapping[str, tuple[sqs.Queue, sqs.Queue | Function]]
) -> None:
    """Create a stack output with the dead-letter queues and the targets of a replay.

    Parameters
    ----------
    buried
        Name of a function to its dead-letter queue and the replay's target: the queue that it consumes, or
        the function itself.
    """
    told = {
        name: {
            "dead": dead.queue_url,
            **(
                {"function": source.function.function_name}
                if isinstance(source, Function)
                else {"queue": source.queue_url}
            ),
        }
        for name, (dead, source) in buried.items()
    }
    CfnOutput(scope, construct_id, value=Stack.of(scope).to_json_string(told))
