"""State machine of a run, with one function per step.

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

Every function gets the whole state, and its result is stored under a key of its own. The machine uses JSONPath
and no variables, which every implementation of the language supports.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.workflow import into_service
from infra.workflow.step_functions import RunFunctions
from infra.workflow.steps import Steps, equals
from relearn.lifecycle.run_context import path


def definition(
    scope: Construct,
    *,
    functions: RunFunctions,
    job: dict[str, Any],
    features: dict[str, Any] | None = None,
    poll_seconds: int,
    look_seconds: int,
) -> sfn.IChainable:
    """Return the first state, with all others chained to it.

    Parameters
    ----------
    scope
        Scope of the states.
    functions
        Functions that the steps call.
    job
        Request of the training job, see `training_job`.
    features
        StartJobRun request to Glue, for models whose features are computed on Spark; None when the stage has
        no such model.
    poll_seconds
        Seconds before the first retry of a step that met a quota.
    look_seconds
        Seconds between two looks at a training job that existed before.
    """
    steps = Steps(scope, fail_run=functions.fail_run)
    close = steps.call("Close", functions.close_run)
    close.next(sfn.Succeed(scope, "Done"))
    deployed = _deploy_and_promote(scope, steps, functions=functions, poll_seconds=poll_seconds, close=close)
    better = (
        sfn.Choice(scope, "Better?")
        .when(equals("promote", "judgement", "verdict"), deployed)
        .otherwise(close)
    )
    judge = steps.call("Judge", functions.judge, result=path("judgement"), conflicts=True)
    judge.next(better)
    train = steps.train("Train", job, pause_seconds=poll_seconds, look_seconds=look_seconds, then=judge)
    sound = (
        sfn.Choice(scope, "Data as demanded?")
        .when(
            equals("train", "data", "verdict"),
            _after_features(scope, steps, train, request=features, poll_seconds=poll_seconds),
        )
        .otherwise(close)
    )
    pending = (
        sfn.Choice(scope, "Anything pending?")
        .when(
            sfn.Condition.boolean_equals(path("proceed"), True),
            steps.call("Check data", functions.check_data, result=path("data")).next(sound),
        )
        .otherwise(close)
    )
    return (
        sfn.Wait(scope, "Debounce", time=sfn.WaitTime.seconds_path(path("debounce_seconds")))
        .next(steps.call("Open", functions.open_run, result=path(), conflicts=True))
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
    features = steps.on_glue("Features", request, pause_seconds=poll_seconds, then=train)
    on_spark = sfn.Condition.is_present(path("spark"))
    return sfn.Choice(scope, "On Spark?").when(on_spark, features).otherwise(train)


def training_job(*, stage: str, roles: str, image_uri: str) -> dict[str, Any]:
    """Return the CreateTrainingJob request, with the run's values taken from what Open returned.

    Parameters
    ----------
    stage
        Name of the stage.
    roles
        ARN prefix of the job's role; the model's name follows.
    image_uri
        URI of the training image.
    """
    return {
        "TrainingJobName.$": path("job_name"),
        "RoleArn.$": f"States.Format('{roles}{{}}', {path('model')})",
        "AlgorithmSpecification": {"TrainingImage": image_uri, "TrainingInputMode": "File"},
        "HyperParameters.$": path("hyperparameters"),
        "InputDataConfig.$": path("input_data_config"),
        "OutputDataConfig": {"S3OutputPath.$": path("output_path")},
        # Features that runs keep for the next run, and online features.
        "CheckpointConfig": {"S3Uri.$": path("checkpoint_uri"), "LocalPath": "/opt/ml/checkpoints"},
        "ResourceConfig.$": path("resource_config"),
        "StoppingCondition.$": path("stopping_condition"),
        "EnableNetworkIsolation": True,
        "Tags": [
            {"Key": "relearn:stage", "Value": stage},
            {"Key": "relearn:model", "Value.$": path("model")},
            {"Key": "relearn:run", "Value.$": path("run_id")},
        ],
    }


def _deploy_and_promote(
    scope: Construct, steps: Steps, *, functions: RunFunctions, poll_seconds: int, close: sfn.IChainable
) -> sfn.IChainable:
    rolled_out = _roll_out(scope, steps, functions=functions, close=close)
    deploy = into_service.bring(scope, steps, functions=functions, poll_seconds=poll_seconds, then=rolled_out)
    approved = _approval(scope, steps, functions=functions, deploy=deploy, close=close)
    register = steps.call("Register", functions.register, result=path("registration"), conflicts=True)
    return register.next(approved)


def _approval(
    scope: Construct, steps: Steps, *, functions: RunFunctions, deploy: sfn.IChainable, close: sfn.IChainable
) -> sfn.IChainable:
    """Let a person decide before the deployment, where the spec says so."""
    decided = steps.call("Decision", functions.decided, result=path("approval"), conflicts=True)
    ask = steps.wait_for(
        "Ask for approval",
        functions.ask_approval,
        payload={
            "model": sfn.JsonPath.string_at(path("model")),
            "version": sfn.JsonPath.number_at(path("registration", "version")),
            "token": sfn.JsonPath.task_token,
            "entered": sfn.JsonPath.string_at("$$.State.EnteredTime"),
            "retry": sfn.JsonPath.number_at("$$.State.RetryCount"),
        },
        seconds_path=path("registration", "wait_seconds"),
        then=decided,
    )
    decided.next(
        sfn.Choice(scope, "Approved?")
        .when(equals("approve", "approval", "verdict"), deploy)
        .when(equals("reject", "approval", "verdict"), close)
        .otherwise(ask)  # woken without a decision
    )
    by_hand = equals("manual", "registration", "approval")
    return sfn.Choice(scope, "By hand?").when(by_hand, ask).otherwise(deploy)


def _roll_out(
    scope: Construct, steps: Steps, *, functions: RunFunctions, close: sfn.IChainable
) -> sfn.IChainable:
    # The route has moved by then: an endpoint that cannot be deleted does not fail the run.
    retire = steps.call("Retire", functions.retire, result=path("retired"), otherwise=close)
    retire.next(close)
    promote = steps.call("Promote", functions.promote, result=path("promotion"), conflicts=True)
    promote.next(retire)
    advance = steps.call("Advance", functions.advance, result=path("rollout"), conflicts=True)
    later = sfn.Wait(
        scope, "Let it be asked", time=sfn.WaitTime.seconds_path(path("rollout", "wait_seconds"))
    )
    watch = steps.call("Watch", functions.watch, result=path("watched"), conflicts=True)
    verdict = (
        sfn.Choice(scope, "As good?")
        .when(equals("pass", "watched", "verdict"), advance)
        .when(equals("breach", "watched", "verdict"), retire)
        .otherwise(later)
    )
    later.next(watch).next(verdict)
    whole = (
        sfn.Choice(scope, "All the way?")
        .when(equals("promote", "rollout", "phase"), promote)
        .otherwise(later)
    )
    return advance.next(whole)
