"""Buckets as folders for one job run: inputs are downloaded before it, outputs uploaded after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.sagemaker import channels

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MANIFEST = ".manifest"
"""Suffix of the keys of manifests, which list objects in SageMaker's format."""


@dataclass(frozen=True)
class Buckets:
    """The local copy of the buckets of one run.

    Parameters
    ----------
    s3 : S3 client
        Client with the credentials of the job's role.
    folder : Path
        An empty folder; gets one subfolder for each bucket.
    """

    s3: Any
    folder: Path
    _fetched: set[Path] = field(default_factory=set)

    def fetch(self, uris: Iterable[str]) -> None:
        """Download the objects that a run's arguments name, and list and download those that manifests among them list.

        URIs that end with "/" are outputs and are skipped.

        Raises
        ------
        ClientError
            When the role may not read an object or list its path, or it does not exist.
        ChannelError
            When a manifest is not valid or lists nothing.
        """
        for uri in uris:
            _, key = channels.split(uri)
            if not key or key.endswith("/"):
                continue
            self.object(uri)
            if key.endswith(MANIFEST):
                for source, name, _ in channels.listed(self.s3, uri):
                    # Spark reads them as tables. The S3A of Glue lists a path before it asks whether it is an object
                    # (S3AFileSystem.listStatus), so the role needs s3:ListBucket for it too.
                    self.s3.list_objects_v2(Bucket=source, Prefix=f"{name}/", MaxKeys=1)
                    self.object(f"s3://{source}/{name}")

    def object(self, uri: str) -> Path:
        """Download one object and return its local path."""
        bucket, key = channels.split(uri)
        path = channels.inside(self.folder, f"{bucket}/{key}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.s3.download_file(bucket, key, str(path))
        self._fetched.add(path)
        return path

    def store(self) -> None:
        """Upload every file that was not downloaded, except Hadoop's hidden and ``_SUCCESS`` files.

        Raises
        ------
        ClientError
            When the role may not write an object.
        """
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path not in self._fetched and not path.name.startswith((".", "_SUCCESS")):
                bucket, _, key = path.relative_to(self.folder).as_posix().partition("/")
                self._put(path, bucket, key)

    def _put(self, path: Path, bucket: str, key: str) -> None:
        with path.open("rb") as body:
            self.s3.put_object(Bucket=bucket, Key=key, Body=body)
