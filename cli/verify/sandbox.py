"""The sandbox models of one stage: uploads, waiting, and what AWS says of their jobs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from cli.stage.lake import Lake
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from cli.verify.remedies import UnexpectedError
from relearn.lifecycle import runs
from relearn.lifecycle.runs import Run
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ids, resources, s3_keys
from relearn.records.predictions import Outcome
from relearn_client import Client

T = TypeVar("T")
ENTERED = "StateEntered"
"""End of the type of a history event of an execution that is billed as a state transition."""
CLOCKS = timedelta(minutes=15)
"""Time by which this machine's clock may differ from AWS's."""


@dataclass(kw_only=True)
class Sandbox:
    """Access to the sandbox models of one stage.

    Parameters
    ----------
    target
        The stage.
    api
        Client of its HTTP API.
    tell
        Receives in words what is waited for.
    patience_seconds
        Maximum duration of one wait.
    clock, sleep
        Monotonic clock in seconds, and the pause between two readings.
    """

    target: Target
    api: Client
    tell: Callable[[str], None]
    patience_seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.target)
        self.began = datetime.now(UTC)

    def wait(self, what: str, look: Callable[[], T | None], *, seconds: float | None = None) -> T:
        """Read something until it is there.

        Parameters
        ----------
        what
            What is waited for, in words.
        look
            Returns it; None or another false value while it is not there.
        seconds
            Maximum wait; None for the patience.

        Raises
        ------
        UnexpectedError
            When it is not there after that time.
        """
        patience = self.patience_seconds if seconds is None else seconds
        end = self.clock() + patience
        self.tell(what)
        while not (seen := look()):
            if self.clock() > end:
                raise UnexpectedError(f"not seen within {patience:g} s: {what}")
            self.sleep(self.target.poll_seconds)
        return seen

    def put(self, model: str, filename: str, content: bytes) -> str:
        """Upload a file as ``relearn upload`` does, to S3; return the upload's id."""
        bucket, key = self.target.output("UploadsBucket"), s3_keys.incoming_prefix(model) + filename
        stored = self.target.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        return ids.upload_id(bucket, key, stored["VersionId"])

    def send(self, model: str, filename: str, content: bytes) -> str:
        """Upload a file as a web page does, by a presigned form of the API; return the upload's id."""
        made = self.api.upload_file(model, content, filename=filename)
        return self.wait(f"{filename} to be received", lambda: self.api.upload(model, made.upload).upload_id)

    def checked(self, model: str, upload_id: str) -> Upload:
        """Wait until ingest has accepted or refused an upload."""

        def look() -> Upload | None:
            found = self.ledger.upload(model, upload_id)
            return found if found is not None and found.state is not UploadState.RECEIVED else None

        return self.wait(f"upload {upload_id[:16]} of {model} to be checked", look)

    def run_of(self, model: str, upload_id: str, during: Callable[[], None] = lambda: None) -> Run:
        """Wait until the run that trains on an upload has ended.

        Parameters
        ----------
        model, upload_id
            The upload.
        during
            Called between two readings.

        Raises
        ------
        UnexpectedError
            When the upload is refused, or its run has not ended after the patience.
        """
        upload = self.checked(model, upload_id)
        if upload.state in (UploadState.QUARANTINED, UploadState.SUPERSEDED):
            raise UnexpectedError(f"upload {upload_id[:16]} of {model} is {upload.state}: {upload.reason}")

        def look() -> Run | None:
            found = next((run for run in self.ledger.runs(model) if upload_id in run.uploads), None)
            self.tell(f"the run with {upload.key}" + (f": {found.state}" if found else ""))
            if found is not None and found.state in runs.FINAL:
                return found
            during()
            return None

        return self.wait(f"the run with {upload.key}", look)

    def training_seconds(self, run: Run) -> float:
        """Return the billed seconds of a run's training job; 0 when it has none."""
        name = resources.job(self.target.stage, run.model, run.run_id)
        job = self._described("describe_training_job", TrainingJobName=name)
        return _seconds(job.get("TrainingStartTime"), job.get("TrainingEndTime"))

    def transform_seconds(self, model: str, batch: str) -> float:
        """Return the billed seconds of a batch's transform job; 0 when it has none."""
        name = resources.transform_job(self.target.stage, model, batch)
        job = self._described("describe_transform_job", TransformJobName=name)
        return _seconds(job.get("TransformStartTime"), job.get("TransformEndTime"))

    def transitions(self, run: Run) -> int:
        """Return the number of state transitions of a run; 0 when its history may not be read."""
        client = self.target.client("stepfunctions")
        try:
            pages = client.get_paginator("get_execution_history").paginate(
                executionArn=self._execution(run.run_id)
            )
            kinds = [event["type"] for page in pages for event in page["events"]]
        except ClientError:
            return 0
        return sum(kind.endswith(ENTERED) for kind in kinds)

    def stop(self, run: Run) -> None:
        """Stop the execution of a run; the stage then ends the run.

        Raises
        ------
        botocore.exceptions.ClientError
            When AWS refuses to.
        """
        self.target.client("stepfunctions").stop_execution(
            executionArn=self._execution(run.run_id), error="Stopped", cause="relearn verify was ended"
        )

    def endpoint_status(self, model: str, version: int) -> str:
        """Return SageMaker's status of a version's endpoint."""
        name = resources.endpoint(self.target.stage, model, version)
        found = self.target.client("sagemaker").describe_endpoint(EndpointName=name)
        return str(found["EndpointStatus"])

    def outcomes(self, model: str) -> list[Outcome]:
        """Return the recorded predictions since the beginning, with the ground truth known by now."""
        return Lake(self.target).outcomes(model, self.began - CLOCKS, datetime.now(UTC) + CLOCKS)

    def alarms(self) -> dict[str, str]:
        """Return the state of each alarm of the stage, by name."""
        client = self.target.client("cloudwatch")
        pages = client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=resources.prefix(self.target.stage), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        return {
            alarm["AlarmName"]: alarm["StateValue"]
            for page in pages
            for kind in ("MetricAlarms", "CompositeAlarms")
            for alarm in page.get(kind, [])
        }

    def _described(self, call: str, **name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = getattr(self.target.client("sagemaker"), call)(**name)
        except ClientError:  # its cost is then not estimated; the step itself has its result
            return {}
        return found

    def _execution(self, name: str) -> str:
        machine = self.target.output("RetrainStateMachine")
        return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def counted(states: dict[str, str]) -> dict[str, int]:
    """Return how many alarms are in each state."""
    return dict(sorted(Counter(states.values()).items()))


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return 0.0 if start is None or end is None else max(0.0, (end - start).total_seconds())
