"""Requests that a page of another origin may send, by the CORS configuration of an API or bucket, as on AWS.

A presigned link or form is admitted from every origin, because whoever holds it may use it. Whether the page
may read the response depends on the bucket's CORS configuration.
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
"""Index of the service in a credential scope (key/date/region/service/aws4_request)."""


def may_call(api_id: str, arrival: Arrival) -> bool:
    """Whether the API's CORS configuration allows the origin of the page."""
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
    """Whether a page may send this request to the AWS APIs.

    Allowed are calls of a deployed API, by its CORS configuration, and S3 requests with a presigned link or
    form.
    """
    called = app._parse_execute_api_url(arrival.headers.get("host", ""), unquote(arrival.path))
    return may_call(called[0], arrival) if called else _asks_s3(arrival)


def _asks_s3(arrival: Arrival) -> bool:
    """Whether the request is a CORS preflight, which S3 answers itself, or a presigned link or form."""
    if arrival.method == "OPTIONS":
        return "access-control-request-method" in arrival.headers
    if arrival.method == "POST":
        return arrival.headers.get("content-type", "").startswith("multipart/form-data")
    given = arrival.parameters
    scope = given.get("X-Amz-Credential", [""])[0].split("/")
    signed = "X-Amz-Signature" in given and scope[_SERVICE : _SERVICE + 1] == ["s3"]
    return signed or {"AWSAccessKeyId", "Signature", "Expires"} <= set(
        given
    )  # signature version 2, boto3's default for links
