"""Links that let a caller send or fetch one object for a while, without credentials of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Form:
    """A form to upload one object with: POST, ``multipart/form-data``, the file last in field ``file``.

    Parameters
    ----------
    url
        Where to send it.
    fields
        Its other fields.
    """

    url: str
    fields: dict[str, str]


class Links:
    """Makes links with this function's own permissions.

    Parameters
    ----------
    client
        An S3 client that signs with version 4.
    """

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def upload(self, bucket: str, key: str, *, max_bytes: int, seconds: int) -> Form:
        """Make a form that uploads this one object, of 1 to ``max_bytes`` bytes, within ``seconds``."""
        made = self._client.generate_presigned_post(
            Bucket=bucket,
            Key=key,
            Conditions=[["content-length-range", 1, max_bytes]],
            ExpiresIn=seconds,
        )
        return Form(made["url"], made["fields"])

    def download(self, bucket: str, key: str, *, filename: str, seconds: int) -> str:
        """Make a URL that downloads an object as ``filename``, for ``seconds``."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": bucket,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{filename}"',
            },
            ExpiresIn=seconds,
        )
