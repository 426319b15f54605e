"""Shadow requests: a queue, and the function that sends them to the candidate and counts its answers."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.base import queues
from infra.base.access import Access
from infra.base.functions import Function
from infra.base.grants import Grant
from infra.base.settings import Settings
from relearn.naming.environment import Variable

TRIES = 5
"""Maximum number of deliveries of a shadow request."""
AT_ONCE = 2  # the minimum, because predict needs the account's concurrency
BATCH_SIZE = 10
SECONDS = 90  # for a batch of candidates that do not answer: three rounds of four, 25 s each
KEPT = Duration.hours(1)
"""Retention of a shadow request: a rollout step is over by then, and a request has all columns of its
instances, private ones included."""
DEAD_KEPT = Duration.days(1)
"""Retention of failed shadow requests."""


class Trials(Construct):
    """Queue and function that bring shadow requests to a candidate.

    Attributes
    ----------
    queue, dead_letters
        Queue of shadow requests, and queue of those that failed `TRIES` times.
    function
        Function that sends them to the candidate.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, access: Access, code: lambda_.Code
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = queues.dead_letters(self, kept=DEAD_KEPT)
        self.queue = queues.work(
            self,
            tries=TRIES,
            visibility_seconds=6 * SECONDS,  # as AWS recommends for a queue of a function
            after=self.dead_letters,
            kept=KEPT,
        )
        self.function = Function(
            self,
            "Trial",
            settings=settings,
            name="trial",
            code=code,
            environment=access.variables(Variable.STAGE, Variable.LEDGER_TABLE),
            allowed=[
                access.ledger("GetItem"),
                access.live("UpdateItem"),
                access.sagemaker.allow("InvokeEndpoint", on=["endpoint"]),
                access.ask_hosts(),
                queues.consume(self.queue),
            ],
            timeout_seconds=SECONDS,
            memory_mb=512,
        )
        self.mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=self.function.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=BATCH_SIZE,
            max_concurrency=AT_ONCE,
            report_batch_item_failures=True,
        )

    def send(self) -> Grant:
        """Allow sending shadow requests."""
        return Grant(actions=["sqs:SendMessage"], resources=[self.queue.queue_arn])
