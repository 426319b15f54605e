"""Stands in for Docker where there is none: ``python docker_stand_in.py login|buildx ...``.

A registry is a folder (``DOCKER_STAND_IN``) with a manifest, ``<hex>.json``, a build context, ``<hex>/``, and a
configuration, ``<hex>.json``, for each image, as ``python -m local --images`` reads them; beside them each command is a line of ``calls.jsonl``. What is
copied into ECR goes to the account at ``AWS_ENDPOINT_URL``, with the role that ``login`` was given a password of. A copy of a single manifest becomes a list, with a digest of its own, unless ``--prefer-index``
says otherwise, as with Docker (docker/buildx#2481).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

PLACE = Path(os.environ.get("DOCKER_STAND_IN", "registry"))
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def main(given: list[str]) -> int:
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "calls.jsonl").open("a") as file:
        file.write(json.dumps(given) + "\n")
    match given:
        case ["login", registry, *_]:
            (PLACE / f"{registry}.password").write_text(sys.stdin.read())
        case ["buildx", "inspect", builder]:
            return 0 if (PLACE / f"{builder}.builder").exists() else 1
        case ["buildx", "create", *options]:
            (PLACE / f"{value(options, '--name')}.builder").touch()
        case ["buildx", "build", *options]:
            build(options)
        case ["buildx", "imagetools", "inspect", "--raw", reference]:
            sys.stdout.write((PLACE / f"{digits(reference)}.json").read_text())
        case ["buildx", "imagetools", "create", *options]:
            copy(options)
        case _:
            sys.stderr.write(f"the stand-in knows no {' '.join(given)}\n")
            return 1
    return 0


def build(options: list[str]) -> None:
    context, output = (
        Path(options[-1]),
        dict(one.split("=", 1) for one in value(options, "--output").split(",")),
    )
    assert (context / "training" / "Dockerfile") == Path(value(options, "--file"))
    assert output["push"] == "true"
    media_type = DOCKER if output.get("oci-mediatypes") == "false" else OCI
    code = hashlib.sha256()
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        code.update(path.relative_to(context).as_posix().encode() + path.read_bytes())
    layer = {"mediaType": "layer", "digest": f"sha256:{code.hexdigest()}"}
    system, _, architecture = value(options, "--platform").partition("/")
    configuration = kept(json.dumps({"os": system, "architecture": architecture}))
    about = {"mediaType": "configuration", "digest": f"sha256:{configuration}"}
    name = kept(json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": about, "layers": [layer]}))
    shutil.copytree(context, PLACE / name, dirs_exist_ok=True)
    Path(value(options, "--metadata-file")).write_text(
        json.dumps({"containerimage.digest": f"sha256:{name}"})
    )


def kept(content: str) -> str:
    """Keep a manifest or configuration, and return the digits of its digest."""
    name = hashlib.sha256(content.encode()).hexdigest()
    (PLACE / f"{name}.json").write_text(content)
    return name


def copy(options: list[str]) -> None:
    manifest, media_type = (PLACE / f"{digits(options[-1])}.json").read_text(), DOCKER
    if "--prefer-index=false" not in options:
        media_type = LIST
        manifest = json.dumps({"schemaVersion": 2, "mediaType": LIST, "manifests": [{"digest": options[-1]}]})
    registry, _, named = value(options, "--tag").partition("/")
    repository, _, tag = named.rpartition(":")
    assert (PLACE / f"{registry}.password").read_text()
    account, region = registry.split(".")[0], registry.split(".")[3]
    _ecr(account, region).put_image(
        repositoryName=repository, imageTag=tag, imageManifest=manifest, imageManifestMediaType=media_type
    )


def _ecr(account: str, region: str) -> Any:
    """Return a client with the role that the password of the registry is given to."""
    import boto3  # noqa: PLC0415 - only a copy needs it

    role = f"arn:aws:iam::{account}:role/cdk-hnb659fds-image-publishing-role-{account}-{region}"
    keys = boto3.client("sts", region_name=region).assume_role(RoleArn=role, RoleSessionName="docker")[
        "Credentials"
    ]
    return boto3.client(
        "ecr",
        region_name=region,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def value(options: list[str], name: str) -> str:
    return options[options.index(name) + 1]


def digits(reference: str) -> str:
    return reference.partition("@sha256:")[2]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
