"""Sweep, which repairs what lost events left: on a schedule, and when a run ends abnormally."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.base.access import Access
from infra.base.functions import Function
from infra.base.grants import Grant
from infra.base.settings import Settings
from infra.workflow.step_functions import ending_a_run
from relearn.naming import s3_keys
from relearn.naming.environment import Variable

DEAD = ("FAILED", "TIMED_OUT", "ABORTED")
"""Statuses of an execution that ended without closing its run."""


class Sweep(Construct):
    """Sweep function, and the events that invoke it.

    Parameters
    ----------
    queue
        Ingest queue, to which it sends lost events again.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        access: Access,
        code: lambda_.Code,
        queue: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = Function(
            self,
            "Sweep",
            settings=settings,
            name="sweep",
            code=code,
            environment=access.variables(
                Variable.STAGE,
                Variable.LEDGER_TABLE,
                Variable.ONLINE_TABLE,
                Variable.UPLOADS_BUCKET,
                Variable.STATE_MACHINE_ARN,
                Variable.RESTORE_MACHINE_ARN,
                Variable.TOPIC_ARN,
                Variable.DEBOUNCE_SECONDS,
                INGEST_QUEUE_URL=queue.queue_url,
            ),
            allowed=[
                *ending_a_run(access),
                *access.drop_versions(),
                *access.sagemaker.look_for_endpoints(),
                access.executions("DescribeExecution"),
                access.restores("DescribeExecution"),
                access.restore_machine("StartExecution"),
                access.wake_runs(),
                access.sagemaker.versions("DescribeModelPackage"),
                access.uploads(
                    "s3:ListBucketVersions",
                    conditions={
                        "StringLike": {"s3:prefix": [f"{s3_keys.INCOMING}/*", f"{s3_keys.BATCHES}/*"]}
                    },
                ),
                Grant(actions=["sqs:SendMessage"], resources=[queue.queue_arn]),
                access.wake("batch_event"),
            ],
            timeout_seconds=600,
            memory_mb=512,
        )
        target = targets.LambdaFunction(self.function.function)
        events.Rule(
            self,
            "Schedule",
            description="Compare S3 with the ledger",
            schedule=events.Schedule.rate(Duration.minutes(settings.sweep_minutes)),
            targets=[target],
        )
        events.Rule(
            self,
            "RunDied",
            description="A run ended without closing itself",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"status": list(DEAD), "stateMachineArn": [access.state_machine_arn]},
            ),
            targets=[target],
        )
