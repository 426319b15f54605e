"""The life of a run as a state machine, one step a function.

::

    Debounce → Open → [nothing pending] ──────────────────────────────┐
                 └─► Check data → [wrong] ────────────────────────────┤
                        └─► [Features] → Train → Judge → [rejected] ──┤
                               └─► Register → [a person decides] ─────┤
                                     └─► Deploy ⇄ Wait → Smoke        │
                        → Publish ⇄ Published?                        │
                               └─► Advance → [all] → Promote ─► Retire┴─► Close → Done
                                   ▲  └─► Wait ⇄ Watch           ▲
                                   └─ [as good] ─┴─ [does harm] ─┘
    any failure ─► Fail ─► Failed

Every function gets the whole state; what it returns goes to its own place in it. The machine
uses JSONPath and no variables, which every implementation of the language understands.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.workflow import into_service
from infra.workflow.step_functions import RunFunctions
from infra.workflow.steps import Steps


def definition(
    scope: Construct,
    *,
    functions: RunFunctions,
    job: dict[str, Any],
    features: dict[str, Any] | None = None,
    poll_seconds: int,
) -> sfn.IChainable:
    """Give the first state, with everything chained to it.

    Parameters
    ----------
    scope
        Where the states live.
    functions
        What the steps call.
    job
        See `training_job`.
    features
        StartJobRun's request to Glue, for models whose features Spark makes; None: the stage has no such model.
    poll_seconds
        Pause between two looks at an endpoint that is being created.
    """
    steps = Steps(scope, fail_run=functions.fail_run)
    close = steps.call("Close", functions.close_run)
    close.next(sfn.Succeed(scope, "Done"))
    deployed = _deploy_and_promote(scope, steps, functions=functions, poll_seconds=poll_seconds, close=close)
    better = (
        sfn.Choice(scope, "Better?")
        .when(sfn.Condition.string_equals("$.judgement.verdict", "promote"), deployed)
        .otherwise(close)
    )
    judge = steps.call("Judge", functions.judge, result="$.judgement", conflicts=True)
    judge.next(better)
    train = steps.train("Train", job, pause_seconds=poll_seconds, then=judge)
    sound = (
        sfn.Choice(scope, "Data as demanded?")
        .when(
            sfn.Condition.string_equals("$.data.verdict", "train"),
            _after_features(scope, steps, train, request=features, poll_seconds=poll_seconds),
        )
        .otherwise(close)
    )
    pending = (
        sfn.Choice(scope, "Anything pending?")
        .when(
            sfn.Condition.boolean_equals("$.proceed", True),
            steps.call("Check data", functions.check_data, result="$.data").next(sound),
        )
        .otherwise(close)
    )
    return (
        sfn.Wait(scope, "Debounce", time=sfn.WaitTime.seconds_path("$.debounce_seconds"))
        .next(steps.call("Open", functions.open_run, result="$", conflicts=True))
        .next(pending)
    )


def _after_features(
    scope: Construct,
    steps: Steps,
    train: sfn.CustomState,
    *,
    request: dict[str, Any] | None,
    poll_seconds: int,
) -> sfn.IChainable:
    if request is None:
        return train
    features = steps.on_glue("Features", request, pause_seconds=poll_seconds).next(train)
    on_spark = sfn.Condition.is_present("$.spark")
    return sfn.Choice(scope, "On Spark?").when(on_spark, features).otherwise(train)


def training_job(*, stage: str, roles: str, image_uri: str) -> dict[str, Any]:
    """Write CreateTrainingJob's request, the run's part of it taken from what Open returned.

    Parameters
    ----------
    roles
        What the ARN of the role it acts as starts with; the model's name ends it.
    image_uri
        What it runs in.
    """
    return {
        "TrainingJobName.$": "$.job_name",
        "RoleArn.$": f"States.Format('{roles}{{}}', $.model)",
        "AlgorithmSpecification": {"TrainingImage": image_uri, "TrainingInputMode": "File"},
        "HyperParameters.$": "$.hyperparameters",
        "InputDataConfig.$": "$.input_data_config",
        "OutputDataConfig": {"S3OutputPath.$": "$.output_path"},
        # What is kept of features from one run to the next, and what is served of them.
        "CheckpointConfig": {"S3Uri.$": "$.checkpoint_uri", "LocalPath": "/opt/ml/checkpoints"},
        "ResourceConfig.$": "$.resource_config",
        "StoppingCondition.$": "$.stopping_condition",
        "EnableNetworkIsolation": True,
        "Tags": [
            {"Key": "relearn:stage", "Value": stage},
            {"Key": "relearn:model", "Value.$": "$.model"},
            {"Key": "relearn:run", "Value.$": "$.run_id"},
        ],
    }


def _deploy_and_promote(
    scope: Construct, steps: Steps, *, functions: RunFunctions, poll_seconds: int, close: sfn.IChainable
) -> sfn.IChainable:
    rolled_out = _roll_out(scope, steps, functions=functions, close=close)
    deploy = into_service.bring(scope, steps, functions=functions, poll_seconds=poll_seconds, then=rolled_out)
    approved = _approval(scope, steps, functions=functions, deploy=deploy, close=close)
    register = steps.call("Register", functions.register, result="$.registration", conflicts=True)
    return register.next(approved)


def _approval(
    scope: Construct, steps: Steps, *, functions: RunFunctions, deploy: sfn.IChainable, close: sfn.IChainable
) -> sfn.IChainable:
    """Let a person decide before anything is deployed, where the spec says so."""
    decided = steps.call("Decision", functions.decided, result="$.approval", conflicts=True)
    ask = steps.wait_for(
        "Ask for approval",
        functions.ask_approval,
        payload={
            "model": sfn.JsonPath.string_at("$.model"),
            "version": sfn.JsonPath.number_at("$.registration.version"),
            "token": sfn.JsonPath.task_token,
            "entered": sfn.JsonPath.string_at("$$.State.EnteredTime"),
            "retry": sfn.JsonPath.number_at("$$.State.RetryCount"),
        },
        seconds_path="$.registration.wait_seconds",
        then=decided,
    )
    decided.next(
        sfn.Choice(scope, "Approved?")
        .when(sfn.Condition.string_equals("$.approval.verdict", "approve"), deploy)
        .when(sfn.Condition.string_equals("$.approval.verdict", "reject"), close)
        .otherwise(ask)  # woken without a decision
    )
    by_hand = sfn.Condition.string_equals("$.registration.approval", "manual")
    return sfn.Choice(scope, "By hand?").when(by_hand, ask).otherwise(deploy)


def _roll_out(
    scope: Construct, steps: Steps, *, functions: RunFunctions, close: sfn.IChainable
) -> sfn.IChainable:
    # What serves is decided by then: an endpoint that could not be removed fails no run.
    retire = steps.call("Retire", functions.retire, result="$.retired", otherwise=close)
    retire.next(close)
    promote = steps.call("Promote", functions.promote, result="$.promotion", conflicts=True)
    promote.next(retire)
    advance = steps.call("Advance", functions.advance, result="$.rollout", conflicts=True)
    later = sfn.Wait(scope, "Let it be asked", time=sfn.WaitTime.seconds_path("$.rollout.wait_seconds"))
    watch = steps.call("Watch", functions.watch, result="$.watched", conflicts=True)
    verdict = (
        sfn.Choice(scope, "As good?")
        .when(sfn.Condition.string_equals("$.watched.verdict", "pass"), advance)
        .when(sfn.Condition.string_equals("$.watched.verdict", "breach"), retire)
        .otherwise(later)
    )
    later.next(watch).next(verdict)
    whole = (
        sfn.Choice(scope, "All the way?")
        .when(sfn.Condition.string_equals("$.rollout.phase", "promote"), promote)
        .otherwise(later)
    )
    return advance.next(whole)
