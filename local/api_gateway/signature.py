"""AWS_IAM authorization: the request is signed with SigV4 for this API, and its signer may invoke it."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from ministack.core import iam_evaluator, sigv4

from local.principals import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.api_gateway.arrivals import Arrival

_SERVICE = "execute-api"
_ACTION = "execute-api:Invoke"
_SCOPE = re.compile(r"[^/]+/\d{8}/[^/]+/[^/]+/aws4_request")
_ONE_LINE = frozenset({"authorization", "host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"})
"""Headers that authenticate the request; one that is sent twice would be ambiguous and is refused."""


def admits(arrival: Arrival, body: bytes, *, account: str, region: str, resource: str) -> bool:
    """Whether the request has a valid signature and its signer may invoke the resource.

    Only signatures in an Authorization header count; a presigned query does not.

    Parameters
    ----------
    arrival : Arrival
        The request as received.
    body : bytes
        Request body; the signature covers its digest.
    account, region : str
        Account and region of the API.
    resource : str
        ``arn:aws:execute-api:<region>:<account>:<api>/<stage>/<METHOD>/<path>``.
    """
    signer = _signer(arrival, body, account, region)
    return signer is not None and signer.allowed(_ACTION, resource)


def _signer(arrival: Arrival, body: bytes, account: str, region: str) -> Principal | None:
    headers = arrival.headers
    signature = None if arrival.repeated & _ONE_LINE else _signature(headers, region)
    digest = hashlib.sha256(body).hexdigest()
    if signature is None or headers.get("x-amz-content-sha256", digest) != digest:
        return None
    key, token = signature.access_key_id, headers.get("x-amz-security-token", "")
    credential = iam_evaluator.resolve_credential(key, account, token)
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        return None
    request = (arrival.method, arrival.path, arrival.parameters, headers, body)
    if sigv4.header_signature_failure(signature, credential.secret_access_key, *request):
        return None
    found = iam_evaluator.resolve_principal(key, account, credential)
    return None if isinstance(found, iam_evaluator.AuthError) else Principal(found.arn, found)


def _signature(headers: Mapping[str, str], region: str) -> sigv4.HeaderSignature | None:
    """Return the signature if it is well-formed, recent, for this API and covers the host; else None."""
    if not _is_whole(headers.get("authorization", "")):
        return None
    signature = sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple) or sigv4._amz_datetime(signature.amz_date) is None:
        return None
    meant = (signature.service, signature.region) == (_SERVICE, region)
    covers = _covers(signature.signed_headers.split(";"), headers)
    return signature if meant and covers and sigv4.request_time_failure(signature) is None else None


def _is_whole(authorization: str) -> bool:
    """Whether the Authorization header has exactly SigV4's three fields and a well-formed scope."""
    algorithm, _, rest = authorization.partition(" ")
    fields = [part.strip().partition("=") for part in rest.split(",")]
    named = sorted(name for name, _, _ in fields)
    if algorithm != "AWS4-HMAC-SHA256" or named != ["Credential", "Signature", "SignedHeaders"]:
        return False
    return all(_SCOPE.fullmatch(value) for name, _, value in fields if name == "Credential")


def _covers(signed: list[str], headers: Mapping[str, str]) -> bool:
    """Whether the signed headers include the host and every ``x-amz-`` header that was sent.

    The list must be sorted, in lower case, and name only headers that were sent ("Create a signed AWS API
    request", IAM User Guide).
    """
    needed = {"host", *(name for name in headers if name.startswith("x-amz-"))}
    return signed == sorted(set(signed)) and needed <= set(signed) <= set(headers)
