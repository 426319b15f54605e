"""A training instance: runs one container's ``train`` command on an ``/opt/ml`` look-alike."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local import faults, sessions
from local.processes import Child
from local.sagemaker import channels, checkpoints, container, logs, pulling
from local.sagemaker.state import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.sagemaker.context import Context

    Progress = Callable[..., Record]

TABLE = "training_jobs"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_STOP_GRACE_SECONDS = 120.0
_REASON_LENGTH = 1024
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Outcome:
    """Final state of a container: status, secondary status and failure reason ("" unless it failed)."""

    status: str
    secondary: str
    reason: str = ""


def run(context: Context, name: str, progress: Progress) -> None:
    """Run a job from its record to its end; every failure is written to the record.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    name : str
        Name of the job.
    progress : callable
        Updates the record: (context, name, status, secondary status, message, **fields).
    """
    job = context.state.get(TABLE, name) or {}
    root = context.folder("jobs", name)
    fields: Record = {}
    try:
        outcome, fields = _carry_out(context, job, root, progress)
    except (channels.ChannelError, pulling.ImageError) as error:
        outcome = Outcome("Failed", "Failed", f"ClientError: {error}")
    except Exception as error:  # noqa: BLE001 - the job's record is the only place to say it
        outcome = Outcome("Failed", "Failed", f"InternalServerError: {faults.told(error)}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    if outcome.reason:
        fields["FailureReason"] = outcome.reason[:_REASON_LENGTH]
    progress(context, name, outcome.status, outcome.secondary, outcome.reason, **fields)


def _carry_out(context: Context, job: Record, root: Path, progress: Progress) -> tuple[Outcome, Record]:
    name, role_arn = job["TrainingJobName"], job["RoleArn"]
    s3 = sessions.connect("s3", sessions.assume(role_arn, "SageMaker"))
    context.pause()
    code = pulling.pull(context, job["AlgorithmSpecification"].get("TrainingImage", ""), role_arn)
    _advance(context, name, progress, "Downloading", "Downloading input data")
    _prepare(job, root, s3)
    fetched = checkpoints.fetch(s3, job, root)
    context.pause()
    _advance(
        context,
        name,
        progress,
        "Training",
        "Training image download completed. Training in progress.",
        TrainingStartTime=time.time(),
    )
    outcome, lines = _train(context, job, root, code)
    if outcome.status == "Completed":
        _advance(context, name, progress, "Uploading", "Uploading generated training model")
    checkpoints.store(s3, job, root, fetched)
    _upload(job, root, s3, outcome)
    context.pause()
    found = logs.metrics(lines, job["AlgorithmSpecification"].get("MetricDefinitions", []))
    return outcome, {"FinalMetricDataList": found} if found else {}


def _advance(
    context: Context, name: str, progress: Progress, secondary: str, message: str, **fields: Any
) -> None:
    """Update the status of a running job; one that is being stopped keeps its status."""
    if not _stopping(context, name):
        progress(context, name, "InProgress", secondary, message, **fields)


def _stopping(context: Context, name: str) -> bool:
    job = context.state.get(TABLE, name)
    return job is None or job["TrainingJobStatus"] == "Stopping" or context.closing.is_set()


def _prepare(job: Record, root: Path, s3: Any) -> None:
    """Create the files that SageMaker provides under ``/opt/ml``."""
    for folder in ("input/config", "input/data", "model", "output/data", "tmp"):
        (root / folder).mkdir(parents=True)
    inputs = job.get("InputDataConfig", [])
    hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
    written = {
        "hyperparameters": job.get("HyperParameters", {}),
        "inputdataconfig": {
            channel["ChannelName"]: {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
                "ContentType": channel.get("ContentType", ""),
            }
            for channel in inputs
        },
        "resourceconfig": {
            **hosts,
            "current_instance_type": job["ResourceConfig"].get("InstanceType", "local"),
        },
    }
    for name, content in written.items():
        (root / "input/config" / f"{name}.json").write_text(json.dumps(content))
    for channel in inputs:
        channels.fetch(s3, channel, channels.inside(root / "input/data", channel["ChannelName"]))


def _train(context: Context, job: Record, root: Path, code: Path) -> tuple[Outcome, list[str]]:
    """Run the container until it ends, times out or is stopped; return the outcome and its output lines."""
    name = job["TrainingJobName"]
    client = sessions.connect("logs", sessions.assume(job["RoleArn"], "SageMaker"))
    stream = logs.LogStream(client, LOG_GROUP, f"{name}/algo-1-{int(time.time())}")
    lines: list[str] = []
    given = {
        **container.variables(
            context,
            role_arn=job["RoleArn"],
            root=root,
            code=code,
            isolated=job.get("EnableNetworkIsolation", False),
        ),
        "TRAINING_JOB_NAME": name,
        "TRAINING_JOB_ARN": job["TrainingJobArn"],
        **job.get("Environment", {}),
    }
    image = job["AlgorithmSpecification"]["TrainingImage"]
    server = container.server(context, image, code)
    with Child(container.command(context, image, "train"), env=given, cwd=code, server=server) as child:

        def read() -> None:
            for raw in child.output:
                lines.append(raw.decode(errors="replace").rstrip())
                stream.write(lines[-1])

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        outcome = _wait(context, job, child)
        reader.join(5)
    stream.close()
    return outcome or _ended(child.wait(), root), lines


def _wait(context: Context, job: Record, child: Child) -> Outcome | None:
    """Wait for the container.

    Return the outcome when it was stopped or timed out, None when it ended by itself.
    """
    deadline = time.monotonic() + job["StoppingCondition"].get("MaxRuntimeInSeconds", 86400)
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_POLL_SECONDS)
            return Outcome("Stopped", "Stopped") if _stopping(context, job["TrainingJobName"]) else None
        late = time.monotonic() > deadline
        if late or _stopping(context, job["TrainingJobName"]):
            child.stop(0.0 if context.closing.is_set() else _STOP_GRACE_SECONDS)
            return Outcome("Stopped", "MaxRuntimeExceeded" if late else "Stopped")


def _ended(code: int, root: Path) -> Outcome:
    if code == 0:
        return Outcome("Completed", "Completed")
    failure = root / "output/failure"
    said = failure.read_text(errors="replace").strip() if failure.exists() else ""
    return Outcome("Failed", "Failed", f"AlgorithmError: {said[: _REASON_LENGTH - 60]}, exit code: {code}")


def _upload(job: Record, root: Path, s3: Any, outcome: Outcome) -> None:
    """Upload model (unless the job failed) and output under SageMaker's names."""
    place = job["ModelArtifacts"]["S3ModelArtifacts"]
    if outcome.status != "Failed":
        channels.store(s3, root / "model", place)
    failure = root / "output/failure"
    if failure.exists():
        shutil.copy(failure, root / "output/data/failure")
    channels.store(s3, root / "output/data", place.replace("model.tar.gz", "output.tar.gz"))
