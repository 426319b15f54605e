"""The only user of the official SageMaker SDK, which is large, optional and imported on first use."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cli.experiments.plan import Plan
from cli.stage.follow import Look, Observation
from cli.stage.target import Target
from relearn.errors import RelearnError
from relearn.naming import resources, s3_keys
from relearn.spec.model import Hyperparameter

FINAL = ("Completed", "Failed", "Stopped")
NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
HOW_TO_INSTALL = ".venv/bin/python -m pip install --require-hashes -r requirements-sdk.txt"


@dataclass(frozen=True, slots=True)
class Trial:
    """A started job.

    Parameters
    ----------
    kind, name
        Kind of the job in words, and its name in SageMaker.
    look
        Reads its current state.
    best
        Returns the name of the training job whose report counts.
    """

    kind: str
    name: str
    look: Look
    best: Callable[[], str]


def require() -> None:
    """Check that the SDK is installed.

    Raises
    ------
    RelearnError
        When it is not; the message has the command that installs it.
    """
    if importlib.util.find_spec("sagemaker") is None or importlib.util.find_spec("sagemaker.train") is None:
        raise RelearnError(
            f"this needs the SageMaker SDK, which is large and so installed on demand: {HOW_TO_INSTALL}"
        )


@contextmanager
def environment(target: Target) -> Iterator[None]:
    """Set environment variables that point the SDK's own clients at the target, for the length of the context.

    The SDK's validation of roles is disabled: it requires VPC and other permissions that the stage's job role
    neither has nor needs.
    """
    wanted = {"SAGEMAKER_VALIDATE_ROLE": "false", "AWS_DEFAULT_REGION": target.region}
    if target.endpoint_url is not None:
        wanted["AWS_ENDPOINT_URL"] = target.endpoint_url
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def train(target: Target, plan: Plan) -> Trial:
    """Start a training job."""
    trainer = _trainer(target, plan)
    trainer.train(input_data_config=_channels(plan), wait=False, logs=False)
    job = trainer._latest_training_job  # noqa: SLF001 - the SDK's documents name no other way

    def look() -> Observation:
        job.refresh()
        state, step = job.training_job_status, job.secondary_status
        reason = f": {job.failure_reason}" if state == "Failed" else ""
        return Observation(
            state, f"training job {state}, {step}{reason}", ended=state in FINAL, good=state == "Completed"
        )

    return Trial("training job", job.training_job_name, look, lambda: str(job.training_job_name))


def tune(target: Target, plan: Plan, jobs: int, parallel: int) -> Trial:
    """Start a tuning job over the hyperparameters of the spec that the plan does not fix.

    Raises
    ------
    RelearnError
        When every hyperparameter is fixed.
    """
    from sagemaker.train.tuner import HyperparameterTuner  # noqa: PLC0415 - see the module

    free = [parameter for parameter in plan.spec.hyperparameters if parameter.name not in plan.fixed]
    if not free:
        raise RelearnError(
            f"there is nothing to tune: {plan.spec.name} has no hyperparameter that is not fixed"
        )
    metric = plan.spec.metric
    tuner = HyperparameterTuner(
        model_trainer=_trainer(target, plan),
        objective_metric_name=metric.name,
        hyperparameter_ranges={parameter.name: _range(parameter) for parameter in free},
        metric_definitions=[{"Name": metric.name, "Regex": f"metric {metric.name}=([0-9.eE+-]+)"}],
        objective_type="Minimize" if metric.lower_is_better else "Maximize",
        max_jobs=jobs,
        max_parallel_jobs=min(parallel, jobs),
        tags=_tags(target, plan),
    )
    name = resources.tuning_job(target.stage, f"{plan.spec.name} {plan.run_id}")
    tuner.tune(inputs=_channels(plan), job_name=name, wait=False)
    return Trial("tuning job", name, lambda: _tuning(tuner, jobs), lambda: str(tuner.best_training_job()))


def _tuning(tuner: Any, jobs: int) -> Observation:
    job = tuner.latest_tuning_job.refresh()
    state = job.hyper_parameter_tuning_job_status
    counts = job.training_job_status_counters
    best = job.best_training_job
    value = best.final_hyper_parameter_tuning_job_objective_metric.value if best else None
    text = f"tuning job {state}: {counts.completed} of {jobs} done" + (
        f", best {value:.4f}" if value is not None else ""
    )
    reason = f": {job.failure_reason}" if state == "Failed" else ""
    return Observation(state, text + reason, ended=state in FINAL, good=bool(best) and state == "Completed")


def _trainer(target: Target, plan: Plan) -> Any:
    from sagemaker.core.helper.session_helper import Session  # noqa: PLC0415 - see the module
    from sagemaker.core.shapes import OutputDataConfig, StoppingCondition, Tag  # noqa: PLC0415
    from sagemaker.core.training.configs import Compute, Networking  # noqa: PLC0415
    from sagemaker.train import ModelTrainer  # noqa: PLC0415

    logging.getLogger("sagemaker").setLevel(logging.ERROR)  # this command reports progress itself
    place = plan.spec.training
    bucket, prefix = s3_keys.parse_uri(plan.output_path)
    return ModelTrainer(
        sagemaker_session=Session(
            boto_session=target.session,
            sagemaker_config=NO_TELEMETRY,
            default_bucket=bucket,
            default_bucket_prefix=prefix,
        ),
        base_job_name=resources.experiment_job(target.stage, plan.spec.name),
        training_image=target.output("TrainingImage"),
        role=target.output("ExperimentRoles") + plan.spec.name,
        compute=Compute(instance_type=place.instance, instance_count=1, volume_size_in_gb=place.volume_gb),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=place.max_runtime_seconds),
        networking=Networking(enable_network_isolation=True),
        output_data_config=OutputDataConfig(s3_output_path=plan.output_path),
        hyperparameters=dict(plan.hyperparameters),
        tags=[Tag(key=tag["Key"], value=tag["Value"]) for tag in _tags(target, plan)],
    )


def _channels(plan: Plan) -> list[Any]:
    from sagemaker.core.shapes import Channel, DataSource, S3DataSource  # noqa: PLC0415 - see the module

    return [
        Channel(
            channel_name=channel.name,
            input_mode="File",
            data_source=DataSource(
                s3_data_source=S3DataSource(
                    s3_data_type=channel.kind, s3_uri=channel.uri, s3_data_distribution_type="FullyReplicated"
                )
            ),
        )
        for channel in plan.channels
    ]


def _range(parameter: Hyperparameter) -> Any:
    from sagemaker.core.parameter import ContinuousParameter, IntegerParameter  # noqa: PLC0415 - see the module

    kind = IntegerParameter if isinstance(parameter.default, int) else ContinuousParameter
    scale = "Logarithmic" if parameter.scale == "log" else "Linear"
    return kind(parameter.minimum, parameter.maximum, scaling_type=scale)


def _tags(target: Target, plan: Plan) -> list[dict[str, str]]:
    tags = {"relearn:stage": target.stage, "relearn:model": plan.spec.name, "relearn:experiment": plan.run_id}
    return [{"Key": key, "Value": value} for key, value in tags.items()]
