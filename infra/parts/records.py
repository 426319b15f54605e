"""Prediction records: a queue, and the function that writes them into the lake, many per object."""

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
from relearn.records import predictions

TRIES = 5
"""Maximum number of deliveries of a record."""
AT_ONCE = 2  # the minimum, because predict needs the account's concurrency
BATCH_SIZE = 1000


class Records(Construct):
    """Queue and function that bring prediction records into the lake.

    Attributes
    ----------
    queue, dead_letters
        Queue of records, and queue of records that failed `TRIES` times.
    function
        Function that writes them into the lake.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, access: Access, code: lambda_.Code
    ) -> None:
        super().__init__(scope, construct_id)
        self._window = settings.record_window_seconds
        self.dead_letters = queues.dead_letters(self)
        self.queue = queues.work(
            self,
            tries=TRIES,
            # As AWS recommends for a queue of a function: six times the timeout, plus the batching window.
            visibility_seconds=6 * predictions.WRITER_SECONDS + self._window,
            after=self.dead_letters,
        )
        self.function = Function(
            self,
            "Record",
            settings=settings,
            name="record",
            code=code,
            environment=access.variables(Variable.STAGE, Variable.LEDGER_TABLE, Variable.LAKE_BUCKET),
            allowed=self._allowed(access),
            timeout_seconds=predictions.WRITER_SECONDS,
            memory_mb=512,
        )
        self.mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=self.function.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=BATCH_SIZE,
            max_batching_window=Duration.seconds(self._window),
            max_concurrency=AT_ONCE,
            report_batch_item_failures=True,
        )

    def send(self) -> Grant:
        """Allow sending records."""
        return Grant(actions=["sqs:SendMessage"], resources=[self.queue.queue_arn])

    def _allowed(self, access: Access) -> list[Grant]:
        return [
            *access.place_lines(predictions.PREDICTIONS),
            queues.consume(self.queue),
        ]
