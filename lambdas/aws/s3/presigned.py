"""Creates presigned forms and links, with which a caller uploads or downloads one object without own credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Form:
    """Presigned form that uploads one object: POST, ``multipart/form-data``, with the file last in field ``file``.

    Parameters
    ----------
    url
        URL to post to.
    fields
        All other fields, by name.
    """

    url: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Links:
    """Signs forms and links with this function's own permissions.

    What temporary credentials signed ends with them, whatever end was asked for (boto/boto3#2392). Lambda does not say when
    those of a function end, so the end that a caller is told of is the latest, not a promise.

    Parameters
    ----------
    client
        An S3 client that uses Signature Version 4.
    """

    client: S3Client

    def upload(self, bucket: str, key: str, *, max_bytes: int, seconds: int) -> Form:
        """Return a form that uploads an object of 1 to ``max_bytes`` bytes to this key within ``seconds``."""
        made = self.client.generate_presigned_post(
            Bucket=bucket,
            Key=key,
            Conditions=[["content-length-range", 1, max_bytes]],
            ExpiresIn=seconds,
        )
        return Form(made["url"], made["fields"])

    def download(self, bucket: str, key: str, *, filename: str, seconds: int) -> str:
        """Return a URL that downloads an object under the name ``filename``; it expires after ``seconds``."""
        return self.client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": bucket,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{filename}"',
            },
            ExpiresIn=seconds,
        )
