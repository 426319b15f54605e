"""One way to make a queue: encrypted, TLS alone, patient; and what it could not hand over, kept for a person."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.base.functions import Function
from infra.base.grants import Grant

KEPT = Duration.days(14)
"""As long as SQS keeps anything."""


def dead_letters(scope: Construct, kept: Duration = KEPT) -> sqs.Queue:
    """Make the queue for what failed every try, which forgets it when it is older than ``kept``."""
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
    """Make a queue that a function reads.

    Parameters
    ----------
    tries
        How often a message is handed over.
    visibility_seconds
        How long a message stays with the function before it is handed over again.
    after
        Where it goes after the last try.
    kept
        How long a message may wait.
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
    """Allow what Lambda does for a function that reads a queue."""
    return Grant(
        actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        resources=[queue.queue_arn],
    )


def tell_dead_letters(
    scope: Construct, construct_id: str, buried: Mapping[str, tuple[sqs.Queue, sqs.Queue | Function]]
) -> None:
    """Give as an output of the stack where dead letters are, and where they go when a person replays them.

    Parameters
    ----------
    buried
        Name of a function to its dead letters and to what they were for: the queue that it reads, or the
        function itself.
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
