"""Construct of every function: the same runtime, logs and tracing, and exact permissions.

No function has reserved concurrency unless the stage asks for it: a new AWS account has 10 concurrent
executions in all, and refuses to reserve any. Concurrency is bounded at the source instead: by the event
source mapping of the ingest queue, by the API's throttling, and by the ledger's lock for one run per model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy, Size
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.base import grants
from infra.base.grants import Grant
from infra.base.setting_rules import LOG_RETENTION_DAYS
from infra.base.settings import Settings
from relearn.naming import resources

RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64
_RETENTION = dict(
    zip(LOG_RETENTION_DAYS, logs.RetentionDays, strict=False)
)  # both ascend; CDK's ends with INFINITE


class Function(Construct):
    """A Lambda function with its own log group and its own role.

    Parameters
    ----------
    name
        Module under ``lambdas/handlers/`` whose ``handler`` runs.
    code
        Code that all functions share.
    environment
        Environment variables that its configuration reads.
    allowed
        Permissions besides writing its log and traces.
    timeout_seconds, memory_mb
        Timeout in seconds, and memory in MB.
    storage_mb
        Size of ``/tmp`` in MB, 512 to 10,240.
    layers
        Layers with libraries.
    reserved_concurrency
        Reserved concurrency; None to share the account's.
    dead_letters
        Queue for asynchronous invocations that failed after Lambda's own retries.
    function_name
        Name of the function when several functions run one module; None to name it after the module.

    Attributes
    ----------
    function_name
        Name of the function, as text: no reference to it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        name: str,
        code: lambda_.Code,
        environment: Mapping[str, str],
        allowed: Sequence[Grant],
        timeout_seconds: int = 30,
        memory_mb: int = 256,
        storage_mb: int = 512,
        layers: Sequence[lambda_.ILayerVersion] = (),
        reserved_concurrency: int | None = None,
        dead_letters: sqs.IQueue | None = None,
        function_name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.function_name = function_name or resources.function(settings.stage, name)
        self.timeout = Duration.seconds(timeout_seconds)
        log_group = log_group_for(self, "Logs", settings=settings)
        self.role = grants.role(
            self,
            "Role",
            service="lambda.amazonaws.com",
            grants=[_own_log(log_group), grants.tracing(), *allowed, *_bury(dead_letters)],
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=self.function_name,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"lambdas.handlers.{name}.handler",
            code=code,
            environment=dict(environment),
            role=self.role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            timeout=self.timeout,
            memory_size=memory_mb,
            ephemeral_storage_size=Size.mebibytes(storage_mb),
            layers=list(layers),
            reserved_concurrent_executions=reserved_concurrency,
            dead_letter_queue=dead_letters,
        )
        self.arn = self.function.function_arn


def log_group_for(
    scope: Construct, construct_id: str, *, settings: Settings, name: str | None = None
) -> logs.LogGroup:
    """Create a log group with the stage's retention, which is deleted with its stack."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=_RETENTION[settings.log_retention_days],
        removal_policy=RemovalPolicy.DESTROY,
    )


def _own_log(log_group: logs.LogGroup) -> Grant:
    return Grant(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn])


def _bury(dead_letters: sqs.IQueue | None) -> list[Grant]:
    if dead_letters is None:
        return []
    return [Grant(actions=["sqs:SendMessage"], resources=[dead_letters.queue_arn])]
