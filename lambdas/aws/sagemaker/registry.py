"""The SageMaker Model Registry: one package for each winning candidate, with its metrics and lineage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from relearn.api.jsonlines import MEDIA_TYPE
from relearn.naming import resources

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


APPROVED: Final = "Approved"
REJECTED: Final = "Rejected"
_LONGEST_TEXT = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Data of a candidate for the registry.

    Parameters
    ----------
    model, title, run_id
        Name and title of the model, and its run.
    image
        URI of the container image.
    artifact, report
        S3 URIs of ``model.tar.gz`` and ``report.json``.
    reason
        Why it won.
    approved
        Whether it may be deployed without a person's approval.
    lineage
        Origin of the candidate, such as snapshot and spec digest: name to value, each at most 256 letters,
        digits and ``_.:/=+-@``.
    """

    model: str
    title: str
    run_id: str
    image: str
    artifact: str
    report: str
    reason: str
    lineage: dict[str, str]
    approved: bool = True


@dataclass(frozen=True, slots=True)
class Registry:
    """Writes, reads and removes packages.

    Parameters
    ----------
    client
        A SageMaker client.
    stage
        Name of the stage, part of the groups' names.
    """

    client: SageMakerClient
    stage: str

    def register(self, entry: Entry) -> tuple[int, str]:
        """Register a candidate in the package group of its model, which its first one creates; idempotent for each run.

        Returns
        -------
        tuple
            Version and ARN of the package.
        """
        self._create_group(entry)
        answer = self.client.create_model_package(
            ModelPackageGroupName=resources.group(self.stage, entry.model),
            ModelPackageDescription=f"run {entry.run_id}: {entry.reason}"[:1000],
            ModelApprovalStatus=APPROVED if entry.approved else "PendingManualApproval",
            InferenceSpecification=_inference(entry),
            ModelMetrics={
                "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": entry.report}}
            },
            CustomerMetadataProperties={"run_id": entry.run_id, **entry.lineage},
            # at most 36 characters; the run id is enough to tell runs apart
            ClientToken=f"{entry.model}-{entry.run_id}"[-36:].strip("-"),
        )
        arn = answer["ModelPackageArn"]
        return int(arn.rsplit("/", 1)[1]), arn

    def settle(self, package_arn: str, *, approved: bool, why: str) -> None:
        """Set the approval status of a package to a decision; idempotent."""
        self.client.update_model_package(
            ModelPackageArn=package_arn,
            ModelApprovalStatus=APPROVED if approved else REJECTED,
            ApprovalDescription=_one_line(why),
        )

    def decision(self, package_arn: str) -> tuple[str, str]:
        """Return the approval status of a package, and the reason given with it; each empty when absent."""
        found = self.client.describe_model_package(ModelPackageName=package_arn)
        return found.get("ModelApprovalStatus", ""), found.get("ApprovalDescription", "")

    def packages(self, model: str) -> Iterator[str]:
        """Yield the ARNs of a model's packages; none when its group does not exist."""
        pages = self.client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=resources.group(self.stage, model)
        )
        try:
            for page in pages:
                yield from (package["ModelPackageArn"] for package in page["ModelPackageSummaryList"])
        except ClientError as error:
            if "does not exist" not in error.response["Error"]["Message"]:
                raise

    def remove(self, package_arn: str) -> None:
        """Delete a package."""
        self.client.delete_model_package(ModelPackageName=package_arn)

    def models(self) -> Iterator[str]:
        """Yield the models of the stage that have a package group, also those that the stage no longer has."""
        pages = self.client.get_paginator("list_model_package_groups").paginate(
            NameContains=resources.prefix(self.stage)
        )
        for page in pages:
            for group in page["ModelPackageGroupSummaryList"]:
                model = resources.parse_group(self.stage, group["ModelPackageGroupName"])
                if model is not None:
                    yield model

    def remove_group(self, model: str) -> None:
        """Delete a model's package group, which has no package; idempotent."""
        try:
            self.client.delete_model_package_group(ModelPackageGroupName=resources.group(self.stage, model))
        except ClientError as error:
            if "does not exist" not in error.response["Error"]["Message"]:
                raise

    def _create_group(self, entry: Entry) -> None:
        # CloudFormation could not delete a group that has packages, nor create one that it has left behind: a model
        # that was taken out of the stage could not come back.
        try:
            self.client.create_model_package_group(
                ModelPackageGroupName=resources.group(self.stage, entry.model),
                ModelPackageGroupDescription=entry.title[:_LONGEST_TEXT],
                Tags=[
                    {"Key": resources.tag("stage"), "Value": self.stage},
                    {"Key": resources.tag("model"), "Value": entry.model},
                ],
            )
        except ClientError as error:
            if "already exists" not in error.response["Error"]["Message"]:
                raise


def _one_line(text: str) -> str:
    """Return the text without control characters, which the registry does not accept, in at most 1024 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_TEXT]


def _inference(entry: Entry) -> Any:
    types = ["application/json", MEDIA_TYPE]
    instances = ["ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge"]  # for people who deploy a package by hand
    return {
        "Containers": [{"Image": entry.image, "ModelDataUrl": entry.artifact}],
        "SupportedContentTypes": types,
        "SupportedResponseMIMETypes": types,
        "SupportedRealtimeInferenceInstanceTypes": instances,
        "SupportedTransformInstanceTypes": instances,
    }
