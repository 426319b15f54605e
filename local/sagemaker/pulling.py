"""Pulls a container image with the permissions of an instance's role."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local import principals, sessions
from local.sagemaker.access import SERVICE

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.context import Context

_URI = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z.]+/([^:@]+)[:@].+")
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


class ImageError(Exception):
    """The image cannot be pulled."""


def pull(context: Context, uri: str, role_arn: str) -> Path:
    """Return the directory that an image URI stands for.

    Raises
    ------
    ImageError
        When the URI is not one of ECR, the role may not pull the image, or the registry lacks it.
    """
    parts = _URI.fullmatch(uri)
    if parts is None:
        raise ImageError(
            f"the image URI {uri} is not one of ECR: <account>.dkr.ecr.<region>.amazonaws.com/<name>:<tag>"
        )
    account, region, repository = parts.groups()
    wanted = [("ecr:GetAuthorizationToken", "*")]
    wanted += [(action, f"arn:aws:ecr:{region}:{account}:repository/{repository}") for action in _PULL]
    for action, resource in wanted:
        if not principals.role_allows(role_arn, SERVICE, action, resource):
            raise ImageError(f"the role {role_arn} is not authorized to perform {action} on {resource}")
    digest = uri.partition("@")[2]
    if digest and not _has(repository, digest):
        raise ImageError(f"the image {uri} does not exist in the registry")
    directory = context.images.pull(uri)
    if directory is None:
        raise ImageError(f"the image {uri} does not exist in the registry")
    return directory


def _has(repository: str, digest: str) -> bool:
    """Return whether the account's registry has an image, by its digest."""
    found = sessions.connect("ecr").batch_get_image(
        repositoryName=repository, imageIds=[{"imageDigest": digest}]
    )
    return bool(found["images"])
