"""Batch scoring: an uploaded file is checked, a transform job scores it, and its end closes the batch."""

from __future__ import annotations

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.base import queues
from infra.base.access import Access
from infra.base.functions import Function
from infra.base.grants import Grant
from infra.base.settings import Settings
from relearn.naming import resources, s3_keys
from relearn.naming.environment import Variable
from relearn.records import predictions

ENDED = ("Completed", "Failed", "Stopped")
"""Final statuses of a transform job."""
JOB = ("transform-job",)
"""Kind of the SageMaker resource."""


class Batches(Construct):
    """Functions of batches, and the events that invoke them.

    Attributes
    ----------
    api
        Function that answers requests about batches.
    events
        Function that starts and ends batches.
    dead_letters
        Events that failed after every retry.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, access: Access, code: lambda_.Code
    ) -> None:
        super().__init__(scope, construct_id)
        told = (Variable.STAGE, Variable.LEDGER_TABLE, Variable.UPLOADS_BUCKET, Variable.LAKE_BUCKET)
        self.dead_letters = queues.dead_letters(self)
        self.api = Function(
            self,
            "Api",
            settings=settings,
            name="batches",
            code=code,
            environment=access.variables(*told, Variable.LINKS_ROLE),
            allowed=_asking(access),
        )
        self.events = Function(
            self,
            "Events",
            settings=settings,
            name="batch_event",
            code=code,
            environment=access.variables(*told),
            allowed=_carrying_on(access),
            timeout_seconds=900,
            memory_mb=1769,  # a whole core: it reads every row
            dead_letters=self.dead_letters,
        )
        self._rules(access, resources.prefix(settings.stage))

    def _rules(self, access: Access, prefix: str) -> None:
        arrived = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={
                "bucket": {"name": [access.stores.uploads.bucket_name]},
                "object": {"key": [{"prefix": f"{s3_keys.BATCHES}/"}]},
            },
        )
        ended = events.EventPattern(
            source=["aws.sagemaker"],
            detail_type=["SageMaker Transform Job State Change"],
            detail={"TransformJobName": [{"prefix": prefix}], "TransformJobStatus": list(ENDED)},
        )
        target = targets.LambdaFunction(self.events.function, dead_letter_queue=self.dead_letters)
        for name, about, pattern in (
            ("FileArrived", "The file of a batch arrived", arrived),
            ("JobEnded", "The transform job of a batch ended", ended),
        ):
            events.Rule(self, name, description=about, event_pattern=pattern, targets=[target])


def _asking(access: Access) -> list[Grant]:
    return [
        access.ledger("GetItem", "PutItem", "UpdateItem", "Query"),
        access.sagemaker.allow("DescribeTransformJob", on=JOB),
    ]


def _carrying_on(access: Access) -> list[Grant]:
    return [
        access.ledger("GetItem", "PutItem", "UpdateItem"),
        access.sent_files("s3:GetObjectVersion"),
        access.lake("s3:GetObject", under=[s3_keys.BATCHES]),
        access.lake("s3:PutObject", under=[s3_keys.BATCHES, predictions.PREDICTIONS]),
        access.sagemaker.allow("CreateTransformJob", "DescribeTransformJob", "AddTags", on=JOB),
    ]
