"""One image for every stage: built and pushed once, and copied by its digest.

The manifest stays what it is, byte for byte, wherever it is copied to; its digest, the SHA-256 of these bytes, says
that what serves in one account is what was verified in another.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cli.checks import image as checks
from cli.checks.finding import Finding
from cli.checks.image import PLATFORM, TAKEN
from cli.shipping import bootstrap
from cli.shipping.programs import ProgramError, run
from cli.stage.target import Target
from relearn.errors import ConfigError, RelearnError

BUILDER = "relearn"
"""Builder of the image: Docker's own daemon may ignore the media types that are asked for."""
_REFERENCE = re.compile(r"(?P<repository>[a-z0-9][a-z0-9._:/-]*)@(?P<digest>sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a registry.

    Parameters
    ----------
    repository
        Registry and name, e.g. ``ghcr.io/acme/relearn``.
    digest
        Digest of its manifest, ``sha256:`` and 64 hexadecimal digits.
    """

    repository: str
    digest: str

    @classmethod
    def of(cls, reference: str) -> Self:
        """Read ``repository@digest``.

        Raises
        ------
        ConfigError
            When it is something else, a tag for example, which can be moved.
        """
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise ConfigError("image", reference, "repository@sha256:..., an image by its digest")
        return cls(found["repository"], found["digest"])

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


def log_in(registry: str, user: str, password: str) -> None:
    """Give Docker the credentials of a registry."""
    run(["docker", "login", registry, "--username", user, "--password-stdin"], given=password)


def build(context: Path, repository: str, tag: str) -> Image:
    """Build the image and push it.

    Parameters
    ----------
    context
        Folder of the build, with ``training/Dockerfile``.
    repository
        Registry and name; registries take lower case alone.
    tag
        Tag by which the registry keeps it; nothing is deployed by it.

    Raises
    ------
    RelearnError
        When Docker fails, or the image's manifest is one that SageMaker refuses.
    """
    repository = repository.lower()
    try:
        run(["docker", "buildx", "inspect", BUILDER])
    except ProgramError:
        run(["docker", "buildx", "create", "--name", BUILDER, "--driver", "docker-container"])
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "metadata.json")
        # SageMaker takes Docker's media types alone (aws/amazon-sagemaker-feedback#180); attestations would need OCI's.
        run([
            "docker", "buildx", "build", "--builder", BUILDER, "--platform", PLATFORM,
            "--provenance=false", "--sbom=false", "--file", str(context / "training" / "Dockerfile"),
            "--output", f"type=image,name={repository}:{tag},push=true,oci-mediatypes=false",
            "--metadata-file", str(told), str(context),
        ])  # fmt: skip
        image = Image(repository, json.loads(told.read_text(encoding="utf-8"))["containerimage.digest"])
    media_type = json.loads(run(["docker", "buildx", "imagetools", "inspect", "--raw", str(image)]))[
        "mediaType"
    ]
    if media_type != TAKEN:
        raise RelearnError(f"{image} has a manifest of {media_type}; SageMaker takes {TAKEN} alone")
    return image


def copy(target: Target, image: Image) -> str:
    """Copy an image into the repository that ``cdk bootstrap`` made in the stage's account, unless it is there.

    Returns
    -------
    str
        Its digest, which is the same there.

    Raises
    ------
    RelearnError
        When Docker fails, the copy has another digest, or SageMaker would refuse the image or not start it.
    """
    session, account = bootstrap.session(target, "image-publishing")
    ecr = session.client("ecr", endpoint_url=target.endpoint_url)
    name = f"cdk-{bootstrap.QUALIFIER}-container-assets-{account}-{target.region}"
    if not _is_there(ecr, name, image.digest):
        _copy(ecr, name, image)
    _check(checks.examine(ecr, {"repositoryName": name}, {"imageDigest": image.digest}, target.region))
    return image.digest


def check(target: Target) -> list[Finding]:
    """Check the deployed image of a stage, as the role that pushes images may.

    Returns
    -------
    list of Finding
        What was found of its manifest and platform; none when the stage is not deployed.

    Raises
    ------
    RelearnError
        When SageMaker would refuse the image or not start it.
    """
    session, _ = bootstrap.session(target, "image-publishing")
    return _check(checks.deployed(target, session.client("ecr", endpoint_url=target.endpoint_url)))


def _check(found: Iterable[Finding]) -> list[Finding]:
    findings = list(found)
    for one in findings:
        if one.status == "failed":
            raise RelearnError(f"{one.check}: {one.found}; needed: {one.needed}: {one.advice}")
    return findings


def _copy(ecr: Any, name: str, image: Image) -> None:
    authorised = ecr.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(authorised["authorizationToken"]).decode().partition(":")
    registry = ecr.describe_repositories(repositoryNames=[name])["repositories"][0][
        "repositoryUri"
    ].partition("/")[0]
    log_in(registry, user, password)
    # Without --prefer-index=false a single manifest is wrapped into a list, whose digest is another: docker/buildx#2481.
    # `cdk gc` keeps an image whose tag is in a template, as the hexadecimal digits of the digest are.
    tag = image.digest.removeprefix("sha256:")
    run(
        [
            "docker",
            "buildx",
            "imagetools",
            "create",
            "--prefer-index=false",
            "--tag",
            f"{registry}/{name}:{tag}",
            str(image),
        ]
    )
    if not _is_there(ecr, name, image.digest):
        raise RelearnError(f"{name} does not have {image.digest} after the copy: the copy has another digest")


def _is_there(ecr: Any, repository: str, digest: str) -> bool:
    found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    return bool(found["images"])
