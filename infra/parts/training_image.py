"""The one image that trains and serves: built by the deployment, or one that was pushed before."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import DefaultStackSynthesizer, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct

from infra.base import staging
from infra.base.settings import Settings

DOCKER_MANIFEST = "type=image,oci-mediatypes=false"
"""Output of the image's build with a manifest of Docker's own media types."""


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """The image that jobs and endpoints of a stage run.

    Parameters
    ----------
    uri
        URI by tag or by digest, as SageMaker takes both.
    repository
        ECR repository that has it.
    """

    uri: str
    repository: ecr.IRepository


def repository(scope: Construct) -> ecr.IRepository:
    """Return the repository of container assets, which has the image in either case."""
    stack = Stack.of(scope)
    name = f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-container-assets-{stack.account}-{stack.region}"
    return ecr.Repository.from_repository_name(scope, "Pushed", name)


def of(scope: Construct, settings: Settings) -> TrainingImage:
    """Return the image that the settings name by digest; without one, an asset that ``cdk deploy`` builds.

    A digest says what an image is wherever it is: a stage of another account runs the same image by a copy of it in
    its own repository. Both ways use the repository of container assets that ``cdk bootstrap`` made, so that the same
    roles may push and pull.
    """
    if settings.image is not None:
        pushed = repository(scope)
        return TrainingImage(pushed.repository_uri_for_digest(settings.image.rpartition("@")[2]), pushed)
    asset = ecr_assets.DockerImageAsset(
        scope,
        "Image",
        directory=str(staging.image_context()),
        file="training/Dockerfile",
        platform=ecr_assets.Platform.LINUX_AMD64,  # the platform of ml.m5 and serverless endpoints
        # A current Docker writes OCI manifests, which CreateModel refuses: aws/amazon-sagemaker-feedback#180.
        # Attestations would force them again; the Makefile turns those off.
        outputs=[DOCKER_MANIFEST],
    )
    return TrainingImage(asset.image_uri, asset.repository)
