"""A transform instance: runs one container's ``serve`` command and sends it the records of the job's input."""

from __future__ import annotations

import http.client
import shutil
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from local import faults, sessions
from local.sagemaker import channels, logs, records
from local.sagemaker.containers import MODELS
from local.sagemaker.serving import Server, ServingError
from local.sagemaker.state import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.sagemaker.context import Context

    Progress = Callable[..., Record]

TABLE = "transform_jobs"
LOG_GROUP = "/aws/sagemaker/TransformJobs"
_SEE_LOGS = "See job logs for more information"
_DEFAULT_RETRIES, _DEFAULT_TIMEOUT_SECONDS = 3, 600
_REASON_LENGTH = 1024


class StoppedError(Exception):
    """The job was stopped."""


class RefusedError(Exception):
    """The container did not answer a request with a success status."""


def run(context: Context, name: str, progress: Progress) -> None:
    """Run a job from its record to its end; every failure is written to the record.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    name : str
        Name of the job.
    progress : callable
        Updates the record: (context, name, status, **fields).
    """
    job = context.state.get(TABLE, name) or {}
    status, reason = "Failed", ""
    try:
        _carry_out(context, job, progress)
        status = "Completed"
    except StoppedError:
        status = "Stopped"
    except channels.ChannelError as error:
        reason = f"ClientError: {error}"
    except ServingError as error:
        reason = f"AlgorithmError: {error}"
    except (RefusedError, records.RecordError):
        reason = f"ClientError: {_SEE_LOGS}"
    except Exception as error:  # noqa: BLE001 - the job's record is the only place to say it
        reason = f"InternalServerError: {faults.told(error)}"
    progress(context, name, status, **({"FailureReason": reason[:_REASON_LENGTH]} if reason else {}))


def _carry_out(context: Context, job: Record, progress: Progress) -> None:
    name = job["TransformJobName"]
    model = context.state.get(MODELS, job["ModelName"])
    if model is None:
        raise ServingError(f"the model {job['ModelName']} was deleted before the job began")
    stream = f"{name}/i-{time.time_ns():x}"
    root, files = context.folder("transforms", name), context.folder("transforms", f"{name}-files")
    server = Server(context, model, root=root, group=LOG_GROUP, stream=f"{stream}-", more=_told(job))
    client = sessions.connect("logs", sessions.assume(server.role, "SageMaker"))
    said = logs.LogStream(client, LOG_GROUP, f"{stream}/data-log")
    try:
        context.pause()
        _stop_if_asked(context, name)
        if not server.run(server.prepare(), lambda: _is_over(context, name)):
            _stop_if_asked(context, name)
            raise ServingError("The primary container did not pass the ping health check")
        progress(context, name, "InProgress", TransformStartTime=time.time())
        _Work(context, job, server, said).transform(files)
        context.pause()
        _stop_if_asked(context, name)
    finally:
        server.close()
        said.close()
        shutil.rmtree(files, ignore_errors=True)


def _told(job: Record) -> dict[str, str]:
    """Return the environment variables with which SageMaker describes the job to its container."""
    return {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(job.get("MaxPayloadInMB", records.DEFAULT_PAYLOAD_MB)),
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD"
        if job.get("BatchStrategy") != "SingleRecord"
        else "SINGLE_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(job.get("MaxConcurrentTransforms") or 1),
        **job.get("Environment", {}),
    }


@dataclass(frozen=True)
class _Work:
    """Transformation of a job's input by a running container."""

    context: Context
    job: Record
    server: Server
    said: logs.LogStream

    def transform(self, files: Path) -> None:
        """Send every input object to the container.

        Upload its answers under the object's name with ``.out``.
        """
        s3 = sessions.connect("s3", sessions.assume(self.server.role, "SageMaker"))
        source, output = self.job["TransformInput"]["DataSource"]["S3DataSource"], self.job["TransformOutput"]
        bucket, prefix = channels.split(output["S3OutputPath"])
        for name in channels.fetch_source(s3, source, files / "in"):
            result = files / "out"
            answers = self._answers(files / "in" / name)
            with result.open("wb") as written:
                written.writelines(records.assembled(answers, output.get("AssembleWith", "None")))
            key = f"{prefix.rstrip('/')}/{name}.out".lstrip("/")
            try:
                s3.upload_file(str(result), bucket, key)
            except Exception as error:
                raise channels.ChannelError(
                    f"Result upload failed for s3://{bucket}/{key}: {faults.told(error)}"
                ) from error

    def _answers(self, file: Path) -> Iterator[bytes]:
        try:
            for body in records.requests(file, self.job):
                _stop_if_asked(self.context, self.job["TransformJobName"])
                yield self._ask(body)
        except (RefusedError, records.RecordError) as error:
            self.said.write(f"[sagemaker logs]: {file.name}: {error}")
            raise

    def _ask(self, body: bytes) -> bytes:
        """Send one request; retry after a lost connection or a 5xx status, not after a 4xx."""
        failure = ""
        for _ in range(1 + self._client("InvocationsMaxRetries", _DEFAULT_RETRIES)):
            try:
                status, content = self._post(body)
            except (OSError, http.client.HTTPException) as error:
                failure = f"the connection to the container was lost: {faults.told(error)}"
                continue
            if status < HTTPStatus.MULTIPLE_CHOICES:
                return content
            failure = f"{status}: {content.decode(errors='replace')[:_REASON_LENGTH]}"
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                break
        raise RefusedError(failure)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        seconds = self._client("InvocationsTimeoutInSeconds", _DEFAULT_TIMEOUT_SECONDS)
        connection = self.server.connect(seconds)
        given = {
            "content-type": self.job["TransformInput"].get("ContentType"),
            "accept": self.job["TransformOutput"].get("Accept"),
        }
        try:
            headers = {name: value for name, value in given.items() if value}
            connection.request("POST", "/invocations", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _client(self, name: str, default: int) -> int:
        value: int = self.job.get("ModelClientConfig", {}).get(name, default)
        return value


def _stop_if_asked(context: Context, name: str) -> None:
    if _is_over(context, name):
        raise StoppedError


def _is_over(context: Context, name: str) -> bool:
    job = context.state.get(TABLE, name)
    return job is None or job["TransformJobStatus"] == "Stopping" or context.closing.is_set()
