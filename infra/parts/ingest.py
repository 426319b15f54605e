"""Ingest of uploads: S3 → EventBridge → queue, with a dead-letter queue → ingest function."""

from __future__ import annotations

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.base import queues, staging
from infra.base.access import Access
from infra.base.functions import ARCHITECTURE, RUNTIME, Function
from infra.base.grants import Grant
from infra.base.settings import Settings
from relearn.lifecycle import turns
from relearn.naming import s3_keys
from relearn.naming.environment import Variable

TRIES = 5
"""Maximum number of deliveries of an event.

AWS advises at least 5, because a delivery that Lambda throttles counts too ("Creating and configuring an Amazon SQS event
source mapping" in the Lambda Developer Guide). Throttling uses up few of them: the event source mapping receives no message
beyond its maximum concurrency ("Configuring scaling behavior for SQS event source mappings"), and Lambda repeats a throttled
invocation until the visibility timeout ends before it returns the message ("Handling errors for an SQS event source"). All
five are used up only when the account's concurrency is exhausted for five visibility timeouts in a row, 78 minutes; then the
sweep sends the event again. No check began, so none is counted against the upload.

It is one more than the checks that may be cut off (`relearn.lifecycle.uploads.MAX_SILENT`), so that the last delivery
gives the upload up with a reason.
"""


class Ingest(Construct):
    """Queue and function that bring an upload into the lake.

    Attributes
    ----------
    queue, dead_letters
        Queue of upload events, and queue of events that failed `TRIES` times.
    function
        Ingest function.
    duckdb
        DuckDB layer, for functions that check data.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, access: Access, code: lambda_.Code
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = queues.dead_letters(self)
        self.queue = queues.work(
            self,
            tries=TRIES,
            # Just above the function's timeout, so that a failed upload is retried then, not hours later. AWS advises six
            # times the timeout for functions that are throttled while they work off a batch; this one takes one message
            # at a time, and Lambda takes no more than it may run at once.
            visibility_seconds=settings.ingest_timeout_seconds + 30,
            after=self.dead_letters,
        )
        self.duckdb = self._layer()
        self.rule = self._rule(access)
        self.function = self._function(settings=settings, access=access, code=code)
        self.mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=self.function.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=1,
            max_concurrency=turns.AT_ONCE,
            report_batch_item_failures=True,
        )

    def _rule(self, access: Access) -> events.Rule:
        rule = events.Rule(
            self,
            "Uploaded",
            description="An object arrived under incoming/",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [access.stores.uploads.bucket_name]},
                    "object": {"key": [{"prefix": f"{s3_keys.INCOMING}/"}]},
                },
            ),
            # Imported, so that CDK adds no permissions; the one needed is below.
            targets=[targets.SqsQueue(sqs.Queue.from_queue_arn(self, "Target", self.queue.queue_arn))],
        )
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.rule_arn}},
            )
        )
        return rule

    def _layer(self) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            "DuckDb",
            code=lambda_.Code.from_asset(str(staging.layer("duckdb")), exclude=staging.NOT_IN_A_LAYER),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )

    def _function(self, *, settings: Settings, access: Access, code: lambda_.Code) -> Function:
        return Function(
            self,
            "Ingest",
            settings=settings,
            name="ingest",
            code=code,
            environment=access.variables(
                Variable.STAGE,
                Variable.LEDGER_TABLE,
                Variable.UPLOADS_BUCKET,
                Variable.LAKE_BUCKET,
                Variable.TOPIC_ARN,
                Variable.STATE_MACHINE_ARN,
                Variable.DEBOUNCE_SECONDS,
                INGEST_QUEUE_URL=self.queue.queue_url,
            ),
            allowed=[
                access.ledger("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"),
                access.incoming("s3:GetObjectVersion"),
                # Without it S3 answers 403 instead of 404 for a deleted version.
                access.uploads("s3:ListBucket"),
                access.lake("s3:PutObject", under=["datasets", "profiles", "quarantine"]),
                access.machine("StartExecution"),
                access.publish(),
                queues.consume(self.queue),
                # An upload that is put off gets a new message.
                Grant(actions=["sqs:SendMessage"], resources=[self.queue.queue_arn]),
            ],
            timeout_seconds=settings.ingest_timeout_seconds,
            memory_mb=2048,
            storage_mb=8192,
            layers=[self.duckdb],
        )
