"""AWS Signature Version 4 with the standard library, for requests with a body and without a query.

A boto3 client would cost more time in every prediction than the rest of the function, and most of a cold
start; `bench/predict.py` measures it. Tests compare every signature with that of botocore's own signer.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """AWS credentials.

    Parameters
    ----------
    access_key, secret_key
        Access key id and secret access key.
    token
        Session token; empty for permanent credentials.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


class Signer:
    """Signs requests to one service.

    Parameters
    ----------
    credentials
        Credentials of the caller.
    region, service
        Scope of the signature, such as ``"eu-central-1"`` and ``"dynamodb"``.
    """

    def __init__(self, credentials: Credentials, region: str, service: str) -> None:
        self._credentials = credentials
        self._region = region
        self._service = service
        self._key_of_day = ("", b"")

    def sign(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, stamp: str
    ) -> dict[str, str]:
        """Return all headers of the signed request.

        Parameters
        ----------
        method
            HTTP method, upper case.
        path
            Path as it is sent, percent-encoded, without a query.
        headers
            Lower-case name to value, ``host`` included; all are signed.
        body
            Body of the request.
        stamp
            Current time in UTC, in the form ``20260504T100000Z``.
        """
        digest = sha256(body).hexdigest()
        signed = {**headers, "x-amz-date": stamp}
        if self._service == "s3":
            signed["x-amz-content-sha256"] = digest
        else:  # every service but S3 signs the path encoded once more than it is sent
            path = quote(path, safe="/~")
        if self._credentials.token:
            signed["x-amz-security-token"] = self._credentials.token
        names, lines = "", ""
        for name in sorted(signed):
            names += f";{name}" if names else name
            lines += f"{name}:{' '.join(signed[name].split())}\n"
        request = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
        day = stamp[:8]
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        made_for, key = self._key_of_day
        if made_for != day:
            key = self._key(day)
            self._key_of_day = (day, key)  # one assignment: threads see the old pair or the new one
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        who = f"Credential={self._credentials.access_key}/{scope}"
        signed["authorization"] = f"{_ALGORITHM} {who}, SignedHeaders={names}, Signature={signature}"
        return signed

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self._credentials.secret_key}".encode()
        for part in (day, self._region, self._service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key
