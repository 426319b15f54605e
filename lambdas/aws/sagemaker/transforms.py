"""SageMaker's batch transform jobs: one a batch, named after it, on the batch's version's own model."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.aws.sagemaker.status import Status
from relearn.api.jsonlines import MEDIA_TYPE
from relearn.errors import ModelFailedError
from relearn.lifecycle.batches import Batch
from relearn.naming import resources, s3_keys

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

PAYLOAD_MB = 1
"""Size of one request to the container at most; lines are shorter, and the container takes more."""
INSTANCE = "ml.m5.large"
_REFUSED = {"ValidationException", "ResourceNotFound"}
_RUNNING = ("InProgress", "Stopping")
_log = logging.getLogger(__name__)


class Transforms:
    """Starts, watches and stops transform jobs.

    Parameters
    ----------
    client
        A SageMaker client.
    stage
        Part of every name and tag.
    """

    def __init__(self, client: SageMakerClient, stage: str) -> None:
        self._client = client
        self._stage = stage

    def status(self, batch: Batch) -> Status | None:
        """Say how the job of a batch is; None when there is none."""
        name = resources.transform_job(self._stage, batch.model, batch.batch_id)
        try:
            found = self._client.describe_transform_job(TransformJobName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            return None
        return Status(found["TransformJobStatus"], found.get("FailureReason", ""))

    def start(self, batch: Batch, bucket: str) -> None:
        """Start the job of a batch; one that is there already is the same one.

        Parameters
        ----------
        batch
            Its version is known.
        bucket
            Where its file is, and its result goes.

        Raises
        ------
        ModelFailedError
            SageMaker will never start it: its version's model is gone.
        """
        try:
            self._client.create_transform_job(**self._request(batch, bucket))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _REFUSED:
                _log.exception("SageMaker refused the transform job of batch %s", batch.batch_id)
                raise ModelFailedError(f"version {batch.version} cannot be asked any more") from error
            if code != "ResourceInUse":
                raise

    def running(self) -> Iterator[str]:
        """List the names of the stage's jobs that are under way."""
        pages = self._client.get_paginator("list_transform_jobs")
        prefix = resources.prefix(self._stage)
        for status in _RUNNING:
            for page in pages.paginate(NameContains=prefix, StatusEquals=status):  # type: ignore[arg-type]
                found = (job["TransformJobName"] for job in page["TransformJobSummaries"])
                yield from (name for name in found if name.startswith(prefix))

    def stop(self, name: str) -> None:
        """Stop a job; one that has ended meanwhile is no error."""
        try:
            self._client.stop_transform_job(TransformJobName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            _log.info("not stopped: %s", error)

    def _request(self, batch: Batch, bucket: str) -> Any:
        def uri(key: str) -> str:
            return s3_keys.uri(bucket, key)

        source = {
            "S3DataType": "S3Prefix",
            "S3Uri": uri(s3_keys.batch_input_key(batch.model, batch.batch_id)),
        }
        tags = {"stage": self._stage, "model": batch.model, "version": batch.version, "batch": batch.batch_id}
        return {
            "TransformJobName": resources.transform_job(self._stage, batch.model, batch.batch_id),
            "ModelName": resources.endpoint(self._stage, batch.model, batch.version),
            "MaxConcurrentTransforms": 1,
            "MaxPayloadInMB": PAYLOAD_MB,
            "BatchStrategy": "MultiRecord",
            "TransformInput": {
                "DataSource": {"S3DataSource": source},
                "ContentType": MEDIA_TYPE,
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": uri(s3_keys.batch_output_prefix(batch.model, batch.batch_id)),
                "Accept": MEDIA_TYPE,
                "AssembleWith": "None",  # each answer ends its own lines
            },
            "TransformResources": {"InstanceType": INSTANCE, "InstanceCount": 1},
            "Tags": [
                {"Key": f"{resources.PROJECT}:{key}", "Value": str(value)} for key, value in tags.items()
            ],
        }
