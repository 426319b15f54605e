"""Check of the deployed training image: whether SageMaker takes its manifest."""

from __future__ import annotations

from collections.abc import Iterator

from cli.checks.finding import Finding
from cli.stage.target import Target
from relearn.errors import NotFoundError

TAKEN = "application/vnd.docker.distribution.manifest.v2+json"
"""Media type of an image's manifest that CreateModel takes; it refuses OCI's: aws/amazon-sagemaker-feedback#180."""
_OTHERS = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
)


def manifest(target: Target) -> Iterator[Finding]:
    """Yield a finding about the manifest of the stage's image; none when the stage is not deployed yet."""
    try:
        uri = target.output("TrainingImage")
    except NotFoundError:
        return
    registry, _, rest = uri.partition("/")
    repository, name = _parts(rest)
    answer = target.client("ecr").batch_get_image(
        registryId=registry.partition(".")[0],
        repositoryName=repository,
        imageIds=[name],
        acceptedMediaTypes=[TAKEN, *_OTHERS],
    )
    found = answer["images"][0]["imageManifestMediaType"] if answer["images"] else "no such image"
    check = "manifest of the image"
    if found == TAKEN:
        yield Finding(check=check, status="ok", found=found)
        return
    yield Finding(
        check=check,
        status="failed",
        found=found,
        needed=f"{TAKEN}, the only one that SageMaker makes models of",
        advice=f"delete it (aws ecr batch-delete-image --repository-name {repository} --image-ids {_words(name)} --region "
        f"{target.region}), then deploy again with make deploy, which builds without attestations and OCI media types",
    )


def _parts(rest: str) -> tuple[str, dict[str, str]]:
    """Return the repository, and the tag or digest, of an image's URI without its registry."""
    repository, by_digest, digest = rest.partition("@")
    if by_digest:
        return repository, {"imageDigest": digest}
    repository, _, tag = rest.rpartition(":")
    return repository, {"imageTag": tag}


def _words(name: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in name.items())
