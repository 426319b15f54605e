"""Scheduled retraining: EventBridge Scheduler → a function that starts a run.

Every stage has the function, its queue and the schedules' role; each model whose spec has a schedule has one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.base import grants, queues
from infra.base.access import Access
from infra.base.functions import Function
from infra.base.grants import Grant
from infra.base.settings import Settings
from relearn.naming import resources
from relearn.naming.environment import Variable
from relearn.spec.model import ModelSpec

TRIES, GIVEN_UP_AFTER_SECONDS = 8, 3600
"""Maximum number of retries, and maximum age in seconds, of a failed call; the next scheduled one comes
anyway."""


class Schedules(Construct):
    """Schedules that start runs at the times in the specs.

    Attributes
    ----------
    function
        Function that starts a run of the pending uploads.
    dead_letters
        Calls that could not be made, or failed after Lambda's own retries.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        specs: Mapping[str, ModelSpec],
        access: Access,
        code: lambda_.Code,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = queues.dead_letters(self)
        self.function = Function(
            self,
            "Run",
            settings=settings,
            name="scheduled_run",
            code=code,
            environment=access.variables(
                Variable.STAGE,
                Variable.LEDGER_TABLE,
                Variable.STATE_MACHINE_ARN,
                Variable.TOPIC_ARN,
                Variable.DEBOUNCE_SECONDS,
            ),
            allowed=[
                access.ledger("GetItem", "PutItem", "DeleteItem", "Query"),
                access.machine("StartExecution"),
            ],
            dead_letters=self.dead_letters,
        )
        self._role = grants.role(
            self,
            "Role",
            service="scheduler.amazonaws.com",
            grants=[
                Grant(actions=["lambda:InvokeFunction"], resources=[self.function.arn]),
                Grant(actions=["sqs:SendMessage"], resources=[self.dead_letters.queue_arn]),
            ],
        )
        for name, spec in specs.items():
            if spec.retrain.schedule is not None:
                self._schedule(settings.stage, name, spec.retrain.schedule)

    def _schedule(self, stage: str, model: str, expression: str) -> None:
        retries = scheduler.CfnSchedule.RetryPolicyProperty(
            maximum_event_age_in_seconds=GIVEN_UP_AFTER_SECONDS, maximum_retry_attempts=TRIES
        )
        buried = scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self.dead_letters.queue_arn)
        scheduler.CfnSchedule(
            self,
            model,
            name=resources.schedule(stage, model),
            description=f"It is time to retrain {model} on the uploads that wait",
            schedule_expression=expression,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.function.arn,
                role_arn=self._role.role_arn,
                input=json.dumps({"model": model}),
                retry_policy=retries,
                dead_letter_config=buried,
            ),
        )
