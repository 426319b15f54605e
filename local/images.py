"""The container registry: on the laptop an image is a directory of the assembly.

``cdk deploy`` builds and pushes a Docker asset only when the registry lacks its tag. Therefore the tags of
the assembly are put into the account's ECR beforehand, and neither Docker nor a changed template is needed. A
tag stands for the asset's build context, which holds the same code as the image.
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

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


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
        self.directories = {tag: folder for _, tag, folder in self._assets()}

    def publish(self, ecr: Any) -> int:
        """Put every image's tag into its ECR repository and return their number."""
        count = 0
        for repository, tag, _ in self._assets():
            manifest = {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": {"digest": f"sha256:{tag}"},
                "layers": [],
            }
            with contextlib.suppress(ecr.exceptions.ImageTagAlreadyExistsException):
                ecr.put_image(
                    repositoryName=repository,
                    imageTag=tag,
                    imageManifest=json.dumps(manifest),
                    imageManifestMediaType=_MANIFEST,
                )
            count += 1
        return count

    def pull(self, uri: str) -> Path | None:
        """Return the directory that an image URI stands for; None when the assembly has no such image.

        It is a copy of the build context, because Python writes bytecode there and the assembly must not
        change.
        """
        tag = uri.rpartition(":")[2]
        source, copy = (
            self.directories.get(tag),
            (self._settings.keep or self._settings.scratch) / "images" / tag,
        )
        with self._lock:
            if source is not None and not copy.exists():
                draft = copy.with_name(f"{tag}.draft")  # a process that is killed leaves no half of an image
                shutil.rmtree(draft, ignore_errors=True)
                shutil.copytree(source, draft)
                draft.rename(copy)
        return copy if copy.exists() else None

    def _assets(self) -> Iterator[tuple[str, str, Path]]:
        """Yield (repository, tag, build context) of every Docker asset of the assembly."""
        for manifest in sorted(self._settings.assembly.rglob("*.assets.json")):
            for asset in json.loads(manifest.read_text())["dockerImages"].values():
                folder = manifest.parent / asset["source"]["directory"]
                for place in asset["destinations"].values():
                    yield self._filled(place["repositoryName"]), place["imageTag"], folder

    def _filled(self, name: str) -> str:
        return name.replace("${AWS::AccountId}", self._settings.account).replace(
            "${AWS::Region}", self._settings.region
        )
