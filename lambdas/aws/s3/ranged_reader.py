"""Reads an object in blocks, each with its own request, so that a slow reader needs no open connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from relearn.errors import DataError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BLOCK_BYTES = 8 * 1024**2
"""Default size of a block, in bytes."""
_TRIES = 3
_GONE = {"NoSuchKey", "404", "AccessDenied"}
_CHANGED = {"PreconditionFailed", "412"}
_EMPTY = {"InvalidRange", "416"}


@dataclass(frozen=True, slots=True)
class Block:
    """Part of an object.

    Parameters
    ----------
    body
        Bytes of the block; empty after the end of the object.
    etag
        ETag of the object.
    total
        Size of the whole object, in bytes.
    """

    body: bytes
    etag: str
    total: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """Reads objects of one bucket in blocks.

    Parameters
    ----------
    client
        An S3 client.
    bucket
        Name of the bucket.
    size
        Size of a block, in bytes.
    """

    client: S3Client
    bucket: str
    size: int = BLOCK_BYTES

    def fetch(self, key: str, start: int, etag: str = "") -> Block:
        """Return the block that begins at ``start``; an empty one at or after the end.

        Parameters
        ----------
        key
            Key of the object.
        start
            Offset in bytes.
        etag
            Required ETag of the object; empty: any.

        Raises
        ------
        DataError
            The object does not exist (code ``missing``), or its content has changed (code ``changed``).
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                return self._read(key, start, etag)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _EMPTY:
                    return Block(b"", etag, start)
                if code in _GONE:
                    raise DataError("missing", f"{key} is not in the bucket") from error
                if code in _CHANGED:
                    raise DataError("changed", f"{key} was written anew while it was read") from error
                raise
            except BotoCoreError:  # the connection failed within the body
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _read(self, key: str, start: int, etag: str) -> Block:
        only = {"IfMatch": etag} if etag else {}
        answer = self.client.get_object(
            Bucket=self.bucket,
            Key=key,
            Range=f"bytes={start}-{start + self.size - 1}",
            **only,  # type: ignore[arg-type]
        )
        total = int(answer["ContentRange"].rpartition("/")[2])
        return Block(answer["Body"].read(), answer["ETag"], total)
