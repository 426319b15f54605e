"""Reads an object in blocks: each is a request of its own, so that whoever reads may take hours over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from relearn.errors import DataError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BLOCK_BYTES = 8 * 1024**2
_TRIES = 3
_GONE = {"NoSuchKey", "404", "AccessDenied"}
_CHANGED = {"PreconditionFailed", "412"}
_EMPTY = {"InvalidRange", "416"}


@dataclass(frozen=True, slots=True)
class Block:
    """A part of an object.

    Parameters
    ----------
    body
        Its bytes.
    etag
        Names what the object holds.
    total
        Bytes of the whole object.
    """

    body: bytes
    etag: str
    total: int


class Blocks:
    """Reads blocks.

    Parameters
    ----------
    client
        An S3 client.
    bucket
        The bucket's name.
    size
        Bytes of one block.
    """

    def __init__(self, client: S3Client, bucket: str, size: int = BLOCK_BYTES) -> None:
        self._client = client
        self._bucket = bucket
        self._size = size

    def fetch(self, key: str, start: int, etag: str = "") -> Block:
        """Read the block that begins at ``start``; an empty one behind the end.

        Parameters
        ----------
        key
            The object's.
        start
            Offset in bytes.
        etag
            When given: what the object must still hold.

        Raises
        ------
        DataError
            There is no such object (code ``missing``), or it holds something else now (``changed``).
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
            except BotoCoreError:  # the connection broke within the body
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _read(self, key: str, start: int, etag: str) -> Block:
        only = {"IfMatch": etag} if etag else {}
        answer = self._client.get_object(
            Bucket=self._bucket,
            Key=key,
            Range=f"bytes={start}-{start + self._size - 1}",
            **only,  # type: ignore[arg-type]
        )
        total = int(answer["ContentRange"].rpartition("/")[2])
        return Block(answer["Body"].read(), answer["ETag"], total)
