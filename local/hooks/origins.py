"""Browser pages may read responses only where the CORS configuration of a bucket or API allows it."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core.router import detect_service

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "access-control-"
_FORBIDDEN = 403


def leave_reading_to_the_configuration() -> None:
    """Remove MiniStack's own ``Access-Control-Allow-Origin`` headers.

    MiniStack sends ``*`` in every response, and to every preflight that is not for a bucket or API. AWS does
    so only for services that pages call with their own credentials; here only buckets and APIs are for pages.
    """
    dispatch, dressed = app._dispatch_service_request, app._with_data_plane_headers

    async def unread(method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        status, fields, content = await dispatch(method, path, headers, body, *rest)
        params = app._routing_params(method, path, headers, body, rest[0])
        if detect_service(method, path, headers, params) != "s3":
            fields = {name: value for name, value in fields.items() if not name.lower().startswith(_PREFIX)}
        return status, fields, content

    def plain(
        answer: Any, request_id: str, *, include_s3_id: bool = False, wildcard_cors: bool = True
    ) -> Any:
        del wildcard_cors
        return dressed(answer, request_id, include_s3_id=include_s3_id, wildcard_cors=False)

    app._dispatch_service_request, app._with_data_plane_headers = unread, plain


def hide_the_emulators_own_endpoints() -> None:
    """Answer only bucket preflights before the request body is read.

    At this point MiniStack also serves its own endpoints (health, contents of queues, code of functions, a
    reset of the whole state) and Cognito's, all without a signature.
    """
    preflight = app._handle_options_request

    async def only_preflights(
        method: str, path: str, headers: Mapping[str, str], query: Any, request_id: str
    ) -> Any:
        host = headers.get("host", "")
        if method != "OPTIONS" or app._parse_execute_api_url(host, path) is not None:
            return None
        if app._s3_cors_target(host, path) is None:
            return _FORBIDDEN, {"Content-Type": "application/json"}, b'{"message": "Forbidden"}'
        return preflight(method, path, headers, query, request_id)

    app._handle_pre_body_request = only_preflights
