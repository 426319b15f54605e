"""Functions of a run's steps, each with its own environment variables and permissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.base.access import Access
from infra.base.functions import Function
from infra.base.grants import Grant
from infra.base.settings import Settings
from infra.workflow.job_roles import RolesOfModels
from relearn.naming import s3_keys
from relearn.naming.environment import Variable

CREATED = ("model", "endpoint-config", "endpoint")
"""Kinds of SageMaker resources that a deployment creates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFunctions:
    """Functions of the steps, one per step; see ``infra.workflow.retrain`` for their order."""

    open_run: Function
    check_data: Function
    judge: Function
    register: Function
    ask_approval: Function
    decided: Function
    deploy: Function
    smoke: Function
    publish: Function
    advance: Function
    watch: Function
    promote: Function
    retire: Function
    close_run: Function
    fail_run: Function
    restore: Function

    def of_a_run(self) -> list[Function]:
        """Return the functions that a run's steps call."""
        return [function for function in self.all() if function is not self.restore]

    def of_a_restore(self) -> list[Function]:
        """Return the functions that a restore's steps call."""
        return [self.deploy, self.smoke, self.publish, self.restore]

    def all(self) -> list[Function]:
        """Return all functions."""
        return [getattr(self, field.name) for field in fields(self)]


def make(
    scope: Construct,
    *,
    settings: Settings,
    access: Access,
    code: lambda_.Code,
    image_uri: str,
    endpoint_roles: RolesOfModels,
    duckdb: lambda_.ILayerVersion,
) -> RunFunctions:
    """Create the functions.

    Parameters
    ----------
    settings
        Settings of the stage.
    access
        Grants on the stage's resources, and environment variables.
    code
        Code that all functions share.
    image_uri
        URI of the image of a registered version.
    endpoint_roles
        Roles of the endpoints, one per model.
    duckdb
        Layer of the function that checks data.
    """

    def function(
        name: str,
        *allowed: Grant,
        told: Sequence[Variable] = (Variable.STAGE, Variable.LEDGER_TABLE),
        seconds: int = 60,
        memory_mb: int = 256,
        layers: Sequence[lambda_.ILayerVersion] = (),
        storage_mb: int = 512,
        **more: str,
    ) -> Function:
        return Function(
            scope,
            "".join(word.title() for word in name.split("_")),
            settings=settings,
            name=name,
            code=code,
            environment=access.variables(*told, **more),
            allowed=allowed,
            timeout_seconds=seconds,
            memory_mb=memory_mb,
            storage_mb=storage_mb,
            layers=layers,
        )

    stores = (Variable.STAGE, Variable.LEDGER_TABLE, Variable.LAKE_BUCKET, Variable.ARTIFACTS_BUCKET)
    ending = (
        Variable.STAGE,
        Variable.LEDGER_TABLE,
        Variable.STATE_MACHINE_ARN,
        Variable.TOPIC_ARN,
        Variable.DEBOUNCE_SECONDS,
    )
    made = RunFunctions(
        open_run=function(
            "open_run",
            access.ledger("GetItem", "UpdateItem", "Query"),
            access.lake("s3:PutObject", under=[s3_keys.SNAPSHOTS]),
            access.lake("s3:DeleteObject", under=[s3_keys.online_prefix("*").rstrip("/")]),
            access.list_lake(s3_keys.online_prefix("*").rstrip("/")),
            access.list_artifacts(),
            told=[*stores, Variable.FEATURES_ENGINE],
            seconds=300,  # it reads every upload of the model, three times
        ),
        check_data=function(
            "check_data",
            *_checking(access),
            told=stores[:3],
            seconds=900,
            memory_mb=2048,
            storage_mb=8192,
            layers=[duckdb],
        ),
        judge=function(
            "judge",
            access.ledger("GetItem", "UpdateItem"),
            access.artifacts("s3:GetObject"),
            access.lake("s3:PutObject", under=["reports"]),
            told=stores,
            seconds=300,  # it reads an artifact of 2 GB to its end, unpacked
            memory_mb=1769,  # a whole core
        ),
        register=function(
            "register",
            access.ledger("GetItem", "PutItem", "UpdateItem"),
            *access.sagemaker.register_versions(),
            told=stores[:3],
            TRAINING_IMAGE=image_uri,
        ),
        ask_approval=function(
            "ask_approval",
            access.ledger("GetItem", "UpdateItem"),
            access.publish(),
            access.wake_runs(),
            told=(Variable.STAGE, Variable.LEDGER_TABLE, Variable.TOPIC_ARN),
        ),
        decided=function(
            "decided", access.ledger("GetItem", "UpdateItem"), access.sagemaker.versions("UpdateModelPackage")
        ),
        deploy=function(
            "deploy",
            *_deploying(access, endpoint_roles),
            seconds=300,  # it reads an artifact of 2 GB
            memory_mb=1769,  # a whole core
            ENDPOINT_ROLES=endpoint_roles.arn_prefix,
            POLL_SECONDS=str(settings.poll_seconds),
        ),
        smoke=function(
            "smoke",
            access.ledger("GetItem"),
            access.lake("s3:GetObject", under=[s3_keys.REPORTS]),
            access.sagemaker.allow("InvokeEndpoint", on=["endpoint"]),
            access.ask_hosts(),
            told=stores[:3],
            seconds=180,
        ),
        publish=function(
            "publish",
            access.ledger("GetItem", "UpdateItem"),
            access.lake("s3:GetObject", under=[s3_keys.FEATURES]),
            access.online("BatchWriteItem"),
            told=(Variable.STAGE, Variable.LEDGER_TABLE, Variable.ONLINE_TABLE, Variable.LAKE_BUCKET),
            seconds=900,  # the maximum; it is called again until all features are written
            memory_mb=1769,  # a whole core
        ),
        advance=function(
            "advance",
            access.ledger("GetItem", "PutItem", "UpdateItem"),
            told=(Variable.STAGE, Variable.LEDGER_TABLE, Variable.ROLLOUT_SECONDS),
        ),
        watch=function(
            "watch",
            access.ledger("GetItem", "PutItem", "UpdateItem"),
            access.lake("s3:GetObject", under=[s3_keys.REPORTS]),
            access.sagemaker.allow("InvokeEndpoint", on=["endpoint"]),
            access.ask_hosts(),
            access.guards(),
            access.publish(),
            told=[*stores[:3], Variable.TOPIC_ARN],
            seconds=900,  # two endpoints may be cold, and slow for every request
            memory_mb=1769,  # a whole core: it times them
        ),
        promote=function("promote", access.ledger("GetItem", "PutItem", "UpdateItem")),
        retire=function(
            "retire",
            access.ledger("GetItem", "UpdateItem", "Query"),
            *access.drop_versions(),
            told=(Variable.STAGE, Variable.LEDGER_TABLE, Variable.ONLINE_TABLE),
            seconds=300,
        ),
        close_run=function("close_run", *ending_a_run(access), told=ending, seconds=900),
        fail_run=function(
            "fail_run",
            *ending_a_run(access),
            *access.drop_versions(),
            told=(Variable.ONLINE_TABLE, *ending),
            seconds=900,
        ),
        restore=function(
            "restore",
            access.ledger("GetItem", "PutItem", "UpdateItem"),
            access.publish(),
            told=[*ending, Variable.RESTORE_MACHINE_ARN],
        ),
    )
    made.deploy.node.add_dependency(endpoint_roles)  # it refers to them only by the prefix of their names
    return made


def moving_by_hand(access: Access) -> list[Grant]:
    """Allow changing routes, restoring versions, starting runs and recording decisions."""
    return [
        access.wake_runs(),
        access.ledger("GetItem", "PutItem", "UpdateItem", "Query"),
        access.machine("StartExecution"),
        access.restore_machine("StartExecution"),
        access.publish(),
    ]


def ending_a_run(access: Access) -> list[Grant]:
    """Allow ending a run and starting the next one."""
    return [
        access.ledger("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"),
        access.machine("StartExecution"),
        access.publish(),
    ]


def _checking(access: Access) -> list[Grant]:
    """Allow reading profiles, and shards without one, and writing profiles and reports."""
    return [
        access.ledger("GetItem", "Query"),
        access.list_lake(s3_keys.PROFILES, s3_keys.REPORTS),  # to see which exist
        access.lake("s3:GetObject", under=[s3_keys.PROFILES, s3_keys.DATASETS, s3_keys.REPORTS]),
        access.lake("s3:PutObject", under=[s3_keys.PROFILES, s3_keys.REPORTS]),
    ]


def _deploying(access: Access, endpoint_roles: RolesOfModels) -> list[Grant]:
    return [
        access.ledger("GetItem", "UpdateItem"),
        access.artifacts("s3:GetObject"),
        access.sagemaker.allow("CreateModel", "DescribeModel", on=["model"]),
        access.sagemaker.allow("CreateEndpointConfig", "DescribeEndpointConfig", on=["endpoint-config"]),
        access.sagemaker.allow("CreateEndpoint", on=["endpoint", "endpoint-config"]),
        access.sagemaker.allow("DescribeEndpoint", on=["endpoint"]),
        access.sagemaker.allow("AddTags", on=CREATED),
        access.sagemaker.allow("CreateModel", "DescribeModelPackage", on=["model-package"]),
        access.sagemaker.pass_roles(endpoint_roles.arn_prefix),
        *access.sagemaker.scale_endpoints(),
    ]
