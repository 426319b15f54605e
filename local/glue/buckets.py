"""Buckets as folders, for one run of a script: what it reads is there before it starts, what it wrote goes after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.sagemaker import channels

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MANIFEST = ".manifest"
"""How the key of a list of objects ends, in the form that SageMaker reads."""


@dataclass(frozen=True)
class Buckets:
    """The folder of buckets of one run.

    Parameters
    ----------
    s3 : S3 client
        Acts with the job's role.
    folder : Path
        An empty folder.
    """

    s3: Any
    folder: Path
    _fetched: set[Path] = field(default_factory=set)

    def fetch(self, uris: Iterable[str]) -> None:
        """Fetch what a run's arguments name: objects, and what manifests among them list; folders are for output.

        Raises
        ------
        ClientError, ChannelError
            The role may not read it, or nothing is there.
        """
        for uri in uris:
            _, key = channels.split(uri)
            if not key or key.endswith("/"):
                continue
            self.object(uri)
            if key.endswith(MANIFEST):
                for source, name, _ in channels.listed(self.s3, uri):
                    self.object(f"s3://{source}/{name}")

    def object(self, uri: str) -> Path:
        """Fetch one object; where it is."""
        bucket, key = channels.split(uri)
        path = channels.inside(self.folder, f"{bucket}/{key}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.s3.download_file(bucket, key, str(path))
        self._fetched.add(path)
        return path

    def store(self) -> None:
        """Store every file that was not there at the start; what Hadoop keeps beside them stays here.

        Raises
        ------
        ClientError
            The role may not write it.
        """
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path not in self._fetched and not path.name.startswith((".", "_SUCCESS")):
                bucket, _, key = path.relative_to(self.folder).as_posix().partition("/")
                self._put(path, bucket, key)

    def _put(self, path: Path, bucket: str, key: str) -> None:
        with path.open("rb") as body:
            self.s3.put_object(Bucket=bucket, Key=key, Body=body)
