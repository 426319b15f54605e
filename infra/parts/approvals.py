"""Approvals in the SageMaker Model Registry: a version's approval status there decides about it."""

from __future__ import annotations

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.base.access import Access
from infra.base.functions import Function
from infra.base.settings import Settings
from relearn.naming import resources
from relearn.naming.environment import Variable

DECIDED = ("Approved", "Rejected")
"""Approval statuses that are decisions."""


class Approvals(Construct):
    """Function that handles approval events.

    Failed events need no dead-letter queue: the sweep reads the registry.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, access: Access, code: lambda_.Code
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = Function(
            self,
            "Heard",
            settings=settings,
            name="approval_event",
            code=code,
            environment=access.variables(Variable.STAGE, Variable.LEDGER_TABLE, Variable.TOPIC_ARN),
            allowed=[
                access.ledger("GetItem", "UpdateItem"),
                access.sagemaker.versions("DescribeModelPackage"),
                access.publish(),
                access.wake_runs(),
            ],
        )
        events.Rule(
            self,
            "Decided",
            description="Someone approved or rejected a version in the Model Registry",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={
                    "ModelPackageGroupName": [{"prefix": resources.prefix(settings.stage)}],
                    "ModelApprovalStatus": list(DECIDED),
                },
            ),
            targets=[targets.LambdaFunction(self.function.function)],
        )
