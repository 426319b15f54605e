"""One construct for "a Relearn function": same runtime, logs, tracing and exact permissions for all.

No function has reserved concurrency unless the stage asks for it: a new AWS account has 10 concurrent executions in
all and refuses to reserve any of them. What must not run wide is bounded at its source instead: the ingest queue's
event source, the API's throttling, one run a model by the ledger's lock.
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
        File under ``lambdas/``; its ``handler`` is what runs.
    code
        The code all functions share.
    environment
        What its Config reads, nothing more.
    allowed
        What it may do besides writing its log and its traces.
    timeout_seconds, memory_mb
        Limits of one invocation.
    storage_mb
        Size of ``/tmp``, 512 to 10240.
    layers
        Libraries beside the code.
    reserved_concurrency
        How many invocations may run at once, kept free for them; None: as many as the account has left.
    dead_letters
        Where an asynchronous invocation goes that failed after Lambda's own retries.
    function_name
        Where several functions run one file; else it is named after that.
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
            function_name=function_name or resources.function(settings.stage, name),
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
    """Make a log group that forgets after the stage's retention and goes with its stack."""
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
