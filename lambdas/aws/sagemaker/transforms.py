"""SageMaker batch transform jobs: one for each batch, named after it, with the model of the batch's version."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
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
"""Largest request to the container, in MB; lines are shorter, and the container accepts more."""
INSTANCE = "ml.m5.large"
"""Instance type of transform jobs."""
_REFUSED = {"ValidationException", "ResourceNotFound"}
_RUNNING = ("InProgress", "Stopping")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transforms:
    """Starts, describes and stops transform jobs.

    Parameters
    ----------
    client
        A SageMaker client.
    stage
        Name of the stage, part of every name and tag.
    """

    client: SageMakerClient
    stage: str

    def status(self, batch: Batch) -> Status | None:
        """Return the status of a batch's job; None when it does not exist."""
        name = resources.transform_job(self.stage, batch.model, batch.batch_id)
        try:
            found = self.client.describe_transform_job(TransformJobName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            return None
        return Status(found["TransformJobStatus"], found.get("FailureReason", ""))

    def start(self, batch: Batch, bucket: str) -> None:
        """Start the job of a batch; an existing job counts as the same one.

        Parameters
        ----------
        batch
            A batch with a version.
        bucket
            Name of the bucket with its file, where the result is written too.

        Raises
        ------
        ModelFailedError
            SageMaker refuses for good: its model of the version is gone.
        """
        try:
            self.client.create_transform_job(**self._request(batch, bucket))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _REFUSED:
                _log.exception("SageMaker refused the transform job of batch %s", batch.batch_id)
                raise ModelFailedError(f"version {batch.version} cannot be asked any more") from error
            if code != "ResourceInUse":
                raise

    def running(self) -> Iterator[str]:
        """Yield the names of the stage's running and stopping jobs."""
        pages = self.client.get_paginator("list_transform_jobs")
        prefix = resources.prefix(self.stage)
        for status in _RUNNING:
            for page in pages.paginate(NameContains=prefix, StatusEquals=status):  # type: ignore[arg-type]
                found = (job["TransformJobName"] for job in page["TransformJobSummaries"])
                yield from (name for name in found if name.startswith(prefix))

    def stop(self, name: str) -> None:
        """Stop a job; one that has ended is ignored."""
        try:
            self.client.stop_transform_job(TransformJobName=name)
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
        tags = {"stage": self.stage, "model": batch.model, "version": batch.version, "batch": batch.batch_id}
        return {
            "TransformJobName": resources.transform_job(self.stage, batch.model, batch.batch_id),
            "ModelName": resources.endpoint(self.stage, batch.model, batch.version),
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
                "AssembleWith": "None",  # each answer has its own line ends
            },
            "TransformResources": {"InstanceType": INSTANCE, "InstanceCount": 1},
            "Tags": [
                {"Key": f"{resources.PROJECT}:{key}", "Value": str(value)} for key, value in tags.items()
            ],
        }
