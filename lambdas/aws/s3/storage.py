"""The buckets: read one version of an upload, write what is never changed again."""

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
    """One version of one object, as a listing shows it.

    Parameters
    ----------
    key, version_id
        Key of the object, and id of its version.
    size_bytes
        Size of the object.
    stored_at
        When S3 stored it.
    """

    key: str
    version_id: str
    size_bytes: int
    stored_at: datetime


class HashingReader:
    """Reads a stream once, and computes the SHA-256 of all of it."""

    def __init__(self, content: StreamingBody) -> None:
        self._content = content
        self._digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes; none at the end."""
        piece: bytes = self._content.read(size)
        self._digest.update(piece)
        return piece

    def sha256(self) -> str:
        """Read to the end, and give the SHA-256 (hex) of all of it."""
        while self.read(_PIECE):
            pass
        return self._digest.hexdigest()


class Storage:
    """The buckets of a stage.

    Parameters
    ----------
    client
        An S3 client.
    """

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def download(self, bucket: str, key: str, version_id: str, target: Path) -> None:
        """Write one version of an object to a file, streamed.

        Raises
        ------
        NotFoundError
            That version no longer exists.
        """
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key, VersionId=version_id)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise NotFoundError(f"version {version_id} of {key} no longer exists") from error
            raise
        with target.open("wb") as file:
            shutil.copyfileobj(answer["Body"], file, _PIECE)

    def read(self, bucket: str, key: str, limit: int) -> bytes:
        """Read a whole object of at most ``limit`` bytes.

        Raises
        ------
        DataError
            It is larger (code ``too_large``), or not there (code ``missing``).
        """
        answer = self._get(bucket, key)
        if answer["ContentLength"] > limit:
            raise DataError("too_large", f"{key} has {answer['ContentLength']} bytes; allowed: {limit}")
        return answer["Body"].read()

    def stream(self, bucket: str, key: str) -> HashingReader:
        """Give the content of an object, to be read once from its start.

        Raises
        ------
        DataError
            It is not there, or may not be read (code ``missing``).
        """
        return HashingReader(self._get(bucket, key)["Body"])

    def fetch(self, bucket: str, key: str, target: Path) -> None:
        """Write an object to a file, streamed.

        Raises
        ------
        DataError
            It is not there, or may not be read (code ``missing``).
        """
        answer = self._get(bucket, key)
        with target.open("wb") as file:
            shutil.copyfileobj(answer["Body"], file, _PIECE)

    def lines(self, bucket: str, key: str) -> Iterator[bytes]:
        """Give the lines of an object, without their ends, streamed.

        Raises
        ------
        DataError
            It is not there, or may not be read (code ``missing``).
        """
        rest = b""
        for piece in self._get(bucket, key)["Body"].iter_chunks(_PIECE):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def _get(self, bucket: str, key: str) -> GetObjectOutputTypeDef:
        try:
            return self._client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {*_GONE, "AccessDenied"}:
                raise DataError("missing", f"{key} is not in the bucket") from error
            raise

    def first_lines(self, bucket: str, key: str, limit: int) -> list[bytes]:
        """Read the whole lines among the first ``limit`` bytes of an object; none when it is empty or not there."""
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{limit - 1}")
        except ClientError as error:
            if error.response["Error"]["Code"] in {*_GONE, "AccessDenied", "InvalidRange"}:
                return []
            raise
        return answer["Body"].read().split(b"\n")[:-1]

    def write_once(self, bucket: str, key: str, body: IO[bytes]) -> bool:
        """Write an object unless there is one; False when there was.

        Raises
        ------
        ConflictError
            Someone is writing the same object right now.
        """
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
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
        self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def copy_version(self, bucket: str, key: str, version_id: str, target: tuple[str, str]) -> bool:
        """Copy one version of an object to another bucket and key, inside S3.

        Returns
        -------
        bool
            False when that version no longer exists.
        """
        try:
            self._client.copy_object(
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
        """Tell whether any object's key starts with ``prefix``."""
        return bool(self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"))

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """List the keys that start with ``prefix``."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            yield from (found["Key"] for found in page.get("Contents", []))

    def newest(self, bucket: str, key: str) -> StoredVersion | None:
        """Find the newest version of an object; None when there never was one."""
        return next((found for found in self.versions(bucket, key) if found.key == key), None)

    def oldest(self, bucket: str, key: str) -> StoredVersion | None:
        """Find the oldest version of an object that is still there; None when there is none."""
        found = [version for version in self.versions(bucket, key) if version.key == key]
        return found[-1] if found else None

    def versions(self, bucket: str, prefix: str) -> Iterator[StoredVersion]:
        """List every version of every object under ``prefix``: by key, the newest version first."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for found in page.get("Versions", []):
                yield StoredVersion(found["Key"], found["VersionId"], found["Size"], found["LastModified"])
