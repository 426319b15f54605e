"""The container registry: on the laptop an image is a directory of the assembly.

``cdk deploy`` builds and pushes a Docker asset only when the registry lacks its tag. Therefore the tags of
the assembly are put into the account's ECR beforehand, and neither Docker nor a changed template is needed. A
tag stands for the asset's build context, which holds the same code as the image.

An assembly may also name an image by its digest, which somebody pushed before. What stands for it is in the folder
`Settings.images`: ``<hex>.json``, the manifest whose SHA-256 is the digest, and ``<hex>/``, the build context. The
account's ECR must have the manifest, or the image does not exist there.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.settings import Settings

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
_DOCKER_OUTPUT = "oci-mediatypes=false"
"""Output option of a build whose manifest has Docker's media types; a current Docker writes OCI's without it."""


class Images:
    """The container images of an assembly.

    Parameters
    ----------
    settings : Settings
        Settings with the assembly, account and region.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._assets = list(self._read_assets())
        self.directories = {tag: folder for _, tag, folder, _ in self._assets}
        self._media_types = {tag: media_type for _, tag, _, media_type in self._assets}

    def publish(self, ecr: Any) -> int:
        """Put every image's tag into its ECR repository and return their number."""
        count = 0
        for repository, tag, _, media_type in self._assets:
            manifest = {
                "schemaVersion": 2,
                "mediaType": media_type,
                "config": {"digest": f"sha256:{tag}"},
                "layers": [],
            }
            with contextlib.suppress(ecr.exceptions.ImageTagAlreadyExistsException):
                ecr.put_image(
                    repositoryName=repository,
                    imageTag=tag,
                    imageManifest=json.dumps(manifest),
                    imageManifestMediaType=media_type,
                )
            count += 1
        return count

    def media_type(self, uri: str) -> str | None:
        """Return the media type of an image's manifest; None when there is no such image."""
        tag = uri.rpartition(":")[2]
        pushed = self._pushed(tag)
        if pushed is not None:
            found: str = json.loads(pushed.with_suffix(".json").read_text())["mediaType"]
            return found
        return self._media_types.get(tag)

    def pull(self, uri: str) -> Path | None:
        """Return the directory that an image URI stands for; None when there is no such image.

        It is a copy of the build context, because Python writes bytecode there and the assembly must not
        change.
        """
        tag = uri.rpartition(":")[2]
        source, copy = (
            self._pushed(tag) or self.directories.get(tag),
            (self._settings.keep or self._settings.scratch) / "images" / tag,
        )
        with self._lock:
            if source is not None and not copy.exists():
                draft = copy.with_name(f"{tag}.draft")  # a process that is killed leaves no half of an image
                shutil.rmtree(draft, ignore_errors=True)
                shutil.copytree(source, draft)
                draft.rename(copy)
        return copy if copy.exists() else None

    def _pushed(self, digits: str) -> Path | None:
        """Return the build context of a pushed image by the digits of its digest."""
        folder = self._settings.images and self._settings.images / digits
        return folder if folder and folder.is_dir() else None

    def _read_assets(self) -> Iterator[tuple[str, str, Path, str]]:
        """Yield (repository, tag, build context, media type of the manifest) of every Docker asset of the assembly."""
        for manifest in sorted(self._settings.assembly.rglob("*.assets.json")):
            for asset in json.loads(manifest.read_text())["dockerImages"].values():
                folder = manifest.parent / asset["source"]["directory"]
                outputs = asset["source"].get("dockerOutputs", [])
                media_type = DOCKER if any(_DOCKER_OUTPUT in output for output in outputs) else OCI
                for place in asset["destinations"].values():
                    yield self._filled(place["repositoryName"]), place["imageTag"], folder, media_type

    def _filled(self, name: str) -> str:
        return name.replace("${AWS::AccountId}", self._settings.account).replace(
            "${AWS::Region}", self._settings.region
        )
