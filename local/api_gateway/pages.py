"""What a page of another origin may send: what an API's or a bucket's own CORS configuration says of it, as on AWS.

A presigned link or form is let through whoever sends it, for whoever holds it may use it; whether the page may read
the answer is for the bucket's CORS configuration to say.
"""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from ministack import app
from ministack.core.responses import request_scope
from ministack.services import apigateway

if TYPE_CHECKING:
    from local.api_gateway.arrivals import Arrival

_SERVICE = 3
"""The place of the service in a credential's scope."""


def may_call(api_id: str, arrival: Arrival) -> bool:
    """Whether the API's CORS configuration names the origin of the page."""
    origin, scope = arrival.headers.get("origin"), apigateway.find_api_scope(api_id)
    if origin is None or scope is None:
        return False
    with request_scope(*scope):
        configured = apigateway._apis[api_id].get("corsConfiguration") or {}
    allowed = [
        name.lower() for name in configured.get("allowOrigins") or configured.get("AllowOrigins") or []
    ]
    return allowed == ["*"] or origin.lower() in allowed


def may_use_account(arrival: Arrival) -> bool:
    """Whether a page may send this to the AWS APIs: by an API's CORS configuration, or to S3 with a link or form."""
    called = app._parse_execute_api_url(arrival.headers.get("host", ""), unquote(arrival.path))
    return may_call(called[0], arrival) if called else _asks_s3(arrival)


def _asks_s3(arrival: Arrival) -> bool:
    """Whether it is a preflight, which S3 answers from the bucket's CORS configuration, or a presigned link or form."""
    if arrival.method == "OPTIONS":
        return "access-control-request-method" in arrival.headers
    if arrival.method == "POST":
        return arrival.headers.get("content-type", "").startswith("multipart/form-data")
    given = arrival.parameters
    scope = given.get("X-Amz-Credential", [""])[0].split("/")
    signed = "X-Amz-Signature" in given and scope[_SERVICE : _SERVICE + 1] == ["s3"]
    return signed or {"AWSAccessKeyId", "Signature", "Expires"} <= set(
        given
    )  # as boto3 signs links by itself
