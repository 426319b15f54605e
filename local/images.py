"""The container registry: on the laptop an image is a directory of the assembly.

``cdk deploy`` builds and pushes a Docker asset only when the registry lacks its tag. Therefore the tags of
the assembly are put into the account's ECR beforehand, and neither Docker nor a changed template is needed. A
tag stands for the asset's build context, which holds the same code as the image.

An assembly may also name an image by its digest, which somebody pushed before. What stands for it is in the folder
`Settings.images`: ``<hex>.json``, the manifest whose SHA-256 is the digest, ``<hex>/``, the build context, and the
configuration, a ``<hex>.json`` of its own digest. The account's ECR must have the manifest, or the image does not exist
there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.settings import Settings

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
_DOCKER_OUTPUT = "oci-mediatypes=false"
"""Output option of a build whose manifest has Docker's media types; a current Docker writes OCI's without it."""
_CONFIGURATION = "application/vnd.docker.container.image.v1+json"
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""Architecture of an image by the name that this machine's has."""


@dataclass(frozen=True)
class _Asset:
    """A Docker asset of the assembly, and what its build would give.

    Parameters
    ----------
    repository, tag : str
        Where the assembly wants it.
    folder : Path
        The build context.
    media_type : str
        Media type of the manifest.
    platform : str
        Operating system and architecture, as in ``"linux/amd64"``.
    """

    repository: str
    tag: str
    folder: Path
    media_type: str
    platform: str

    @property
    def configuration(self) -> bytes:
        """The image's configuration, which the manifest names by its digest."""
        system, _, architecture = self.platform.partition("/")
        content = {
            "architecture": architecture,
            "os": system,
            "rootfs": {"type": "layers", "diff_ids": []},
            "history": [{"comment": f"stands for the build context of {self.tag}"}],
        }
        return json.dumps(content).encode()

    @property
    def manifest(self) -> str:
        """The image's manifest."""
        about = {
            "mediaType": _CONFIGURATION,
            "size": len(self.configuration),
            "digest": _digest(self.configuration),
        }
        content = {"schemaVersion": 2, "mediaType": self.media_type, "config": about, "layers": []}
        return json.dumps(content)


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
        self.directories = {asset.tag: asset.folder for asset in self._assets}
        self._by_tag = {asset.tag: asset for asset in self._assets}

    def publish(self, ecr: Any) -> int:
        """Put every image's tag into its ECR repository and return their number."""
        for asset in self._assets:
            with contextlib.suppress(ecr.exceptions.ImageTagAlreadyExistsException):
                ecr.put_image(
                    repositoryName=asset.repository,
                    imageTag=asset.tag,
                    imageManifest=asset.manifest,
                    imageManifestMediaType=asset.media_type,
                )
        return len(self._assets)

    def media_type(self, uri: str) -> str | None:
        """Return the media type of an image's manifest; None when there is no such image."""
        tag = uri.rpartition(":")[2]
        if self._pushed(tag) is not None:
            found: str = self._file(tag)["mediaType"]
            return found
        return self._by_tag[tag].media_type if tag in self._by_tag else None

    def platform(self, uri: str) -> str | None:
        """Return an image's operating system and architecture, "linux/amd64" for one; None when there is none."""
        tag = uri.rpartition(":")[2]
        if self._pushed(tag) is not None:
            about = self._file(self._file(tag)["config"]["digest"].partition(":")[2])
            return f"{about['os']}/{about['architecture']}"
        return self._by_tag[tag].platform if tag in self._by_tag else None

    def configuration(self, digest: str) -> bytes | None:
        """Return an image's configuration by its digest; None when no image has it."""
        for asset in self._assets:
            if _digest(asset.configuration) == digest:
                return asset.configuration
        file = self._settings.images and self._settings.images / f"{digest.partition(':')[2]}.json"
        content = file.read_bytes() if file and file.is_file() else b""
        return content if _digest(content) == digest else None

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

    def _file(self, digits: str) -> Any:
        """Return a manifest or configuration of a pushed image, parsed."""
        assert self._settings.images is not None  # noqa: S101 - a pushed image is in it
        return json.loads((self._settings.images / f"{digits}.json").read_bytes())

    def _read_assets(self) -> Iterator[_Asset]:
        """Yield every Docker asset of the assembly, once for each place that it goes to."""
        own = f"linux/{_ARCHITECTURES.get(platform.machine().lower(), platform.machine())}"
        for manifest in sorted(self._settings.assembly.rglob("*.assets.json")):
            for asset in json.loads(manifest.read_text())["dockerImages"].values():
                source = asset["source"]
                outputs = source.get("dockerOutputs", [])
                media_type = DOCKER if any(_DOCKER_OUTPUT in output for output in outputs) else OCI
                for place in asset["destinations"].values():
                    yield _Asset(
                        repository=self._filled(place["repositoryName"]),
                        tag=place["imageTag"],
                        folder=manifest.parent / source["directory"],
                        media_type=media_type,
                        platform=source.get("platform", own),  # a build without it is for the builder's own
                    )

    def _filled(self, name: str) -> str:
        return name.replace("${AWS::AccountId}", self._settings.account).replace(
            "${AWS::Region}", self._settings.region
        )


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
