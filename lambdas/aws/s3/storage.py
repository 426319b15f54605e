"""Object storage in S3: reads one version of an upload, and writes objects that are never changed afterwards."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from botocore.exceptions import ClientError

from relearn.errors import ConflictError, DataError, NotFoundError

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object, from a listing.

    Parameters
    ----------
    key, version_id
        Key of the object, and id of its version.
    size_bytes
        Size of the version, in bytes.
    stored_at
        Time at which S3 stored it, aware.
    """

    key: str
    version_id: str
    size_bytes: int
    stored_at: datetime


class HashingReader:
    """Reads a stream once, and computes its SHA-256."""

    def __init__(self, content: StreamingBody) -> None:
        self._content = content
        self._digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; empty at the end."""
        piece: bytes = self._content.read(size)
        self._digest.update(piece)
        return piece

    def sha256(self) -> str:
        """Read to the end, and return the SHA-256 (hex) of the whole stream."""
        while self.read(_PIECE):
            pass
        return self._digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Storage:
    """Reads and writes objects of any bucket.

    Parameters
    ----------
    client
        An S3 client.
    """

    client: S3Client

    def download(self, bucket: str, key: str, version_id: str, target: Path) -> None:
        """Download one version of an object to a file, streamed.

        Raises
        ------
        NotFoundError
            The version no longer exists; S3 says that it may not be read, to a role that may not list the bucket
            ("GetObject" in the Amazon S3 API Reference).
        """
        try:
            answer = self.client.get_object(Bucket=bucket, Key=key, VersionId=version_id)
        except ClientError as error:
            if (code := error.response["Error"]["Code"]) not in {*_GONE, "AccessDenied"}:
                raise
            also = ", or may not be read" if code == "AccessDenied" else ""
            raise NotFoundError(f"version {version_id} of {key} no longer exists{also}") from error
        with target.open("wb") as file:
            shutil.copyfileobj(answer["Body"], file, _PIECE)

    def read(self, bucket: str, key: str, limit: int) -> bytes:
        """Return the content of an object of at most ``limit`` bytes.

        Raises
        ------
        DataError
            The object is larger (code ``too_large``), or does not exist or may not be read (code
            ``missing``).
        """
        answer = self._get(bucket, key)
        if answer["ContentLength"] > limit:
            raise DataError("too_large", f"{key} has {answer['ContentLength']} bytes; allowed: {limit}")
        return answer["Body"].read()

    def stream(self, bucket: str, key: str) -> HashingReader:
        """Return a reader of an object's content, which can be read once.

        Raises
        ------
        DataError
            The object does not exist, or may not be read (code ``missing``).
        """
        return HashingReader(self._get(bucket, key)["Body"])

    def fetch(self, bucket: str, key: str, target: Path) -> None:
        """Download an object to a file, streamed.

        Raises
        ------
        DataError
            The object does not exist, or may not be read (code ``missing``).
        """
        answer = self._get(bucket, key)
        with target.open("wb") as file:
            shutil.copyfileobj(answer["Body"], file, _PIECE)

    def lines(self, bucket: str, key: str) -> Iterator[bytes]:
        """Yield the lines of an object, without line ends, streamed.

        Raises
        ------
        DataError
            The object does not exist, or may not be read (code ``missing``).
        """
        rest = b""
        for piece in self._get(bucket, key)["Body"].iter_chunks(_PIECE):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def _get(self, bucket: str, key: str) -> GetObjectOutputTypeDef:
        try:
            return self.client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {*_GONE, "AccessDenied"}:
                raise DataError("missing", f"{key} is not in the bucket") from error
            raise

    def first_lines(self, bucket: str, key: str, limit: int) -> list[bytes]:
        """Return the complete lines in the first ``limit`` bytes of an object; none when it is empty or missing."""
        try:
            answer = self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{limit - 1}")
        except ClientError as error:
            if error.response["Error"]["Code"] in {*_GONE, "AccessDenied", "InvalidRange"}:
                return []
            raise
        return answer["Body"].read().split(b"\n")[:-1]

    def write_once(self, bucket: str, key: str, body: IO[bytes]) -> bool:
        """Write an object unless it exists; return whether it was written.

        Raises
        ------
        ConflictError
            Another writer is writing the object at the same time.
        """
        try:
            self.client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalRequestConflict":
                raise ConflictError(f"{key} is being written by someone else") from error
            if code != "PreconditionFailed":
                raise
            return False
        return True

    def write(self, bucket: str, key: str, body: bytes | IO[bytes], content_type: str) -> None:
        """Write an object."""
        self.client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; in a versioned bucket its versions stay as long as the bucket keeps them."""
        self.client.delete_object(Bucket=bucket, Key=key)

    def copy_version(self, bucket: str, key: str, version_id: str, target: tuple[str, str]) -> bool:
        """Copy one version of an object to another bucket and key, inside S3.

        Returns
        -------
        bool
            False when the version no longer exists.
        """
        try:
            self.client.copy_object(
                Bucket=target[0],
                Key=target[1],
                CopySource={"Bucket": bucket, "Key": key, "VersionId": version_id},
                TaggingDirective="REPLACE",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return False
            raise
        return True

    def has_any(self, bucket: str, prefix: str) -> bool:
        """Return whether there is an object whose key starts with ``prefix``."""
        return bool(self.client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"))

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Yield the keys that start with ``prefix``."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            yield from (found["Key"] for found in page.get("Contents", []))

    def newest(self, bucket: str, key: str) -> StoredVersion | None:
        """Return the newest version of an object; None when there is none."""
        return next((found for found in self.versions(bucket, key) if found.key == key), None)

    def oldest(self, bucket: str, key: str) -> StoredVersion | None:
        """Return the oldest version of an object that still exists; None when there is none."""
        found = [version for version in self.versions(bucket, key) if version.key == key]
        return found[-1] if found else None

    def versions(self, bucket: str, prefix: str) -> Iterator[StoredVersion]:
        """Yield every version of every object under ``prefix``, by key, each key's newest version first."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for found in page.get("Versions", []):
                yield StoredVersion(found["Key"], found["VersionId"], found["Size"], found["LastModified"])
