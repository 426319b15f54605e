"""State machines as resources: role, log, tracing and timeout."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.base import grants
from infra.base.access import Access
from infra.base.functions import Function, log_group_for
from infra.base.grants import Grant
from infra.base.settings import Settings
from infra.workflow.feature_job import FeatureJobs
from infra.workflow.job_roles import RolesOfModels
from infra.workflow.restore import definition as definition_of_a_restore
from infra.workflow.retrain import definition as definition_of_a_run
from infra.workflow.retrain import training_job
from infra.workflow.step_functions import RunFunctions
from relearn.naming import resources
from relearn.spec.model import ModelSpec, on_spark
from relearn.traffic import rollout_plan
from relearn.traffic.route import Route

SLACK_SECONDS = 3 * 3600  # two hours of them may pass in waits for instances and endpoints
"""Seconds of a run beyond its known parts."""
MOST_LOOKS = 500
"""Largest number of looks at a training job that existed before.

The history of an execution holds 25,000 events, and a look adds 9: "Service quotas" in the Step Functions Developer Guide.
"""
LOOK_SECONDS = 900
"""Maximum duration of one check of a candidate, in seconds."""
SYNC_RULE = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
"""Name of Step Functions' own EventBridge rule for training jobs."""


def retrain(
    scope: Construct,
    *,
    settings: Settings,
    specs: Mapping[str, ModelSpec],
    access: Access,
    functions: RunFunctions,
    job_roles: RolesOfModels,
    image_uri: str,
    feature_jobs: FeatureJobs | None = None,
) -> sfn.StateMachine:
    """Create the state machine of runs.

    Parameters
    ----------
    settings
        Settings of the stage.
    specs
        Model name to spec; the longest debounce, training, rollout and approval time bound a run.
    access
        Grants on the stage's resources.
    functions
        Functions of the steps.
    job_roles, image_uri
        Roles of the training jobs, one per model, and URI of their image.
    feature_jobs
        Glue jobs that compute features on Spark; None when no model needs them.
    """
    definition = definition_of_a_run(
        Construct(scope, "Steps"),
        functions=functions,
        job=training_job(stage=settings.stage, roles=job_roles.arn_prefix, image_uri=image_uri),
        features=feature_jobs.request() if feature_jobs else None,
        poll_seconds=settings.poll_seconds,
        look_seconds=max(settings.poll_seconds, math.ceil(_longest_training(specs) / MOST_LOOKS)),
    )
    role = grants.role(
        scope,
        "RetrainRole",
        service="states.amazonaws.com",
        grants=[
            _invoke(functions.of_a_run()),
            access.sagemaker.allow(
                "CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags", on=["training-job"]
            ),
            access.sagemaker.pass_roles(job_roles.arn_prefix),
            _hear_of_jobs(scope),
            *([feature_jobs.run()] if feature_jobs else []),
            _write_logs(),
            _trace(),
        ],
    )
    machine = _machine(
        scope,
        "Retrain",
        settings=settings,
        name=f"{resources.prefix(settings.stage)}retrain",
        definition=definition,
        role=role,
        seconds=_longest(settings, specs) + SLACK_SECONDS,
    )
    machine.node.add_dependency(job_roles)  # it refers to them only by the prefix of their names
    return machine


def restore(scope: Construct, *, settings: Settings, functions: RunFunctions) -> sfn.StateMachine:
    """Create the state machine that restores versions."""
    definition = definition_of_a_restore(
        Construct(scope, "RestoreSteps"),
        functions=functions,
        restore=functions.restore,
        poll_seconds=settings.poll_seconds,
    )
    role = grants.role(
        scope,
        "RestoresRole",
        service="states.amazonaws.com",
        grants=[_invoke(functions.of_a_restore()), _write_logs(), _trace()],
    )
    return _machine(
        scope,
        "Restores",
        settings=settings,
        name=resources.restore_machine(settings.stage),
        definition=definition,
        role=role,
        seconds=SLACK_SECONDS,
    )


def _machine(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    name: str,
    definition: sfn.IChainable,
    role: iam.IRole,
    seconds: int,
) -> sfn.StateMachine:
    return sfn.StateMachine(
        scope,
        construct_id,
        state_machine_name=name,
        definition_body=sfn.DefinitionBody.from_chainable(definition),
        role=role,
        timeout=Duration.seconds(seconds),
        tracing_enabled=True,
        logs=sfn.LogOptions(
            # The vended prefix keeps the account's log resource policy from outgrowing its limit.
            destination=log_group_for(
                scope,
                f"{construct_id}Logs",
                settings=settings,
                name=f"/aws/vendedlogs/states/{name}",
            ),
            level=sfn.LogLevel.ALL,
            # A step that waits for a person has its task token in its input, and whoever has that decides. The history
            # of the execution shows inputs and outputs to those who may read it, for 90 days.
            include_execution_data=False,
        ),
    )


def _longest_training(specs: Mapping[str, ModelSpec]) -> int:
    return max(spec.training.max_runtime_seconds for spec in specs.values())


def _longest(settings: Settings, specs: Mapping[str, ModelSpec]) -> int:
    override = settings.debounce_seconds
    return max(
        (spec.retrain.debounce_seconds if override is None else override)
        + spec.training.max_runtime_seconds
        + (spec.engine.max_runtime_minutes * 60 if on_spark(spec, settings.features_engine) else 0)
        + _longest_rollout(settings, spec)
        + (spec.retrain.approval_hours * 3600 if _may_ask(spec) else 0)
        for spec in specs.values()
    )


def _may_ask(spec: ModelSpec) -> bool:
    return spec.retrain.approval == "manual" or spec.metric.contradiction == "ask"


def _longest_rollout(settings: Settings, spec: ModelSpec) -> int:
    """Return the maximum seconds of a candidate's rollout: its steps, and a last check of each."""
    steps = rollout_plan.plan(spec.rollout, spec.shadow, Route(champion=1))[:-1]
    override = settings.rollout_seconds
    return sum(
        LOOK_SECONDS + (override if override is not None else int(step.minutes * 60)) for step in steps
    )


def _invoke(functions: Iterable[Function]) -> Grant:
    return Grant(actions=["lambda:InvokeFunction"], resources=[function.arn for function in functions])


def _hear_of_jobs(scope: Construct) -> Grant:
    # Step Functions' own rule, by which ``.sync`` learns that a job has ended.
    rule = Stack.of(scope).format_arn(
        service="events", resource="rule", resource_name=SYNC_RULE, arn_format=ArnFormat.SLASH_RESOURCE_NAME
    )
    return Grant(actions=["events:DescribeRule", "events:PutRule", "events:PutTargets"], resources=[rule])


def _write_logs() -> Grant:
    return Grant(
        actions=[
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        resources=["*"],
        because="CloudWatch's log delivery actions take no resource",
    )


def _trace() -> Grant:
    return Grant(
        actions=[
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ],
        resources=["*"],
        because=grants.XRAY_HAS_NO_RESOURCES,
    )
