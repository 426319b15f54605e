"""Creates presigned forms and links, with which a caller uploads or downloads one object without own credentials."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from relearn.errors import SigningError
from relearn.lifecycle import signing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_log = logging.getLogger(__name__)


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
class Signer:
    """Signs forms and links that all end at one time.

    Parameters
    ----------
    client
        An S3 client that uses Signature Version 4 and makes no calls.
    ends_at
        Time until which S3 accepts them, time-zone aware.
    seconds
        Seconds from now until then.
    """

    client: S3Client
    ends_at: datetime
    seconds: int

    def upload(self, bucket: str, key: str, *, max_bytes: int) -> Form:
        """Return a form that uploads an object of 1 to ``max_bytes`` bytes to this key."""
        made = self.client.generate_presigned_post(
            Bucket=bucket,
            Key=key,
            Conditions=[["content-length-range", 1, max_bytes]],
            ExpiresIn=self.seconds,
        )
        return Form(made["url"], made["fields"])

    def download(self, bucket: str, key: str, *, filename: str) -> str:
        """Return a URL that downloads an object under the name ``filename``."""
        return self.client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": bucket,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{filename}"',
            },
            ExpiresIn=self.seconds,
        )


class Links:
    """Signs forms and links with a role that this function assumes for it.

    What temporary credentials signed ends with them, and Lambda does not say when those of a function end. AWS STS says it of
    those that it gives, so the end that a caller is told of is one that S3 keeps. The credentials are kept between requests
    and renewed when they end before a new link should.

    Parameters
    ----------
    sts
        Client of AWS STS, of the region's endpoint.
    role
        ARN of the role.
    session
        Name of the session, which says in CloudTrail which function it is: 2 to 64 characters.
    s3_of
        Returns an S3 client that signs with the given credentials, in the form of AssumeRole's answer.
    clock
        Returns the current time, aware.
    """

    def __init__(
        self,
        sts: Any,
        *,
        role: str,
        session: str,
        s3_of: Callable[[Any], S3Client],
        clock: Callable[[], datetime],
    ) -> None:
        self._sts = sts
        self._role = role
        self._session = session
        self._s3_of = s3_of
        self._clock = clock
        self._kept: tuple[S3Client, datetime] | None = None

    def lasting(self, seconds: int) -> Signer:
        """Return a signer of links and forms that hold for ``seconds``, or as long as new credentials do if that is less.

        Raises
        ------
        SigningError
            AWS STS gives no credentials, or such as have ended.
        """
        if self._kept is None or not signing.can_sign(self._kept[1], seconds, self._clock()):
            self._kept = self._assume()
        client, credentials_end = self._kept
        now = self._clock()
        end = signing.ends_at(credentials_end, seconds, now)
        left = (end - now.replace(microsecond=0)).total_seconds()
        if left < 1:
            _log.error("credentials for links ended at %s, and the clock says %s", credentials_end, now)
            raise SigningError
        return Signer(client, end, int(left))

    def _assume(self) -> tuple[S3Client, datetime]:
        try:
            answer = self._sts.assume_role(
                RoleArn=self._role,
                RoleSessionName=self._session,
                DurationSeconds=signing.SESSION_SECONDS,
            )
        except (ClientError, BotoCoreError) as error:
            _log.exception("no credentials for links")
            raise SigningError from error
        credentials = answer["Credentials"]
        return self._s3_of(credentials), credentials["Expiration"]
