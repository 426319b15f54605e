"""Checks of the deployed training image: whether SageMaker takes its manifest, and starts its program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from cli.checks.finding import Finding
from cli.stage.target import Target
from relearn.errors import NotFoundError

TAKEN = "application/vnd.docker.distribution.manifest.v2+json"
"""Media type of an image's manifest that CreateModel takes; it refuses OCI's: aws/amazon-sagemaker-feedback#180."""
PLATFORM = "linux/amd64"
"""Platform of SageMaker's ml.m5 instances and of its serverless endpoints."""
MANIFEST, ARCHITECTURE = "manifest of the image", "platform of the image"
"""Names of the checks."""
_OTHERS = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
)
_TIMEOUT_SECONDS = 20.0


def download(url: str) -> bytes:
    """Return what a presigned link of ECR leads to.

    Raises
    ------
    httpx.HTTPError
        When it cannot be read.
    """
    return httpx.get(url, timeout=_TIMEOUT_SECONDS).raise_for_status().content


def deployed(target: Target, ecr: Any = None) -> Iterator[Finding]:
    """Yield findings about the image of a stage; none when the stage is not deployed yet.

    Parameters
    ----------
    ecr
        Client of ECR; None: with the credentials of the target.
    """
    try:
        uri = target.output("TrainingImage")
    except NotFoundError:
        return
    registry, _, rest = uri.partition("/")
    repository, name = _parts(rest)
    yield from examine(
        ecr or target.client("ecr"),
        {"registryId": registry.partition(".")[0], "repositoryName": repository},
        name,
        target.region,
    )


def examine(ecr: Any, place: dict[str, str], name: dict[str, str], region: str) -> Iterator[Finding]:
    """Yield findings about the manifest of an image in ECR and, where SageMaker takes that, its platform.

    Parameters
    ----------
    ecr
        Client of ECR.
    place
        ``repositoryName``, and ``registryId`` where it is of another account.
    name
        ``imageDigest`` or ``imageTag``.
    region
        Region of the repository, for the advice.
    """
    answer = ecr.batch_get_image(**place, imageIds=[name], acceptedMediaTypes=[TAKEN, *_OTHERS])
    found = answer["images"][0]["imageManifestMediaType"] if answer["images"] else "no such image"
    advice = (
        f"delete it (aws ecr batch-delete-image --repository-name {place['repositoryName']} --image-ids {_words(name)} "
        f"--region {region}), then deploy again with make deploy, which builds for {PLATFORM}, without attestations and "
        "OCI media types"
    )
    yield _finding(MANIFEST, found, TAKEN, "the only one that SageMaker makes models of", advice)
    if found != TAKEN:
        return
    digest = json.loads(answer["images"][0]["imageManifest"])["config"]["digest"]
    try:
        about = json.loads(
            download(ecr.get_download_url_for_layer(**place, layerDigest=digest)["downloadUrl"])
        )
    except httpx.HTTPError as error:
        yield Finding(
            check=ARCHITECTURE,
            status="unknown",
            found=f"its configuration could not be read: {error}",
            advice="see that this machine reaches S3",
        )
        return
    platform = f"{about['os']}/{about['architecture']}"
    yield _finding(ARCHITECTURE, platform, PLATFORM, "of the instances that SageMaker runs it on", advice)


def _finding(check: str, found: str, needed: str, why: str, advice: str) -> Finding:
    if found == needed:
        return Finding(check=check, status="ok", found=found)
    return Finding(check=check, status="failed", found=found, needed=f"{needed}, {why}", advice=advice)


def _parts(rest: str) -> tuple[str, dict[str, str]]:
    """Return the repository, and the tag or digest, of an image's URI without its registry."""
    repository, by_digest, digest = rest.partition("@")
    if by_digest:
        return repository, {"imageDigest": digest}
    repository, _, tag = rest.rpartition(":")
    return repository, {"imageTag": tag}


def _words(name: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in name.items())
