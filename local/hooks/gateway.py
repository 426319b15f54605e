"""API Gateway's function permissions, limits, error answers and host names."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any

from ministack import app
from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway, lambda_svc

from local import principals

_SERVICE = "apigateway.amazonaws.com"
_JSON = {"Content-Type": "application/json"}
_FAILED = json.dumps({"message": "Internal Server Error"}, separators=(",", ":"))
_BUSY = json.dumps({"message": "Service Unavailable"}, separators=(",", ":"))
_TOO_LARGE = json.dumps({"message": "Request Entity Too Large"}, separators=(",", ":"))
PAYLOAD_BYTES = 10 * 1024 * 1024
LONGEST_MILLISECONDS = 30_000
_log = logging.getLogger(__name__)


def require_function_permission() -> None:
    """Answer 500 when the function's policy does not admit the API's route.

    MiniStack invokes every integrated function. On AWS the function needs an AWS::Lambda::Permission for
    ``apigateway.amazonaws.com`` whose source is the API's route; otherwise the caller gets a 500 "Internal
    Server Error" without a reason.
    """
    invoke = apigateway._invoke_lambda_proxy

    async def checked(
        integration: dict[str, Any], api_id: str, stage: str, path: str, method: str, *rest: Any, **kw: Any
    ) -> Any:
        function = apigateway._extract_lambda_ref_from_integration_uri(integration.get("integrationUri", ""))
        route = kw.get("route_key") or (rest[3] if len(rest) > 3 else "$default")  # noqa: PLR2004
        source = (
            f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{api_id}/{stage}/{_route(route, method)}"
        )
        if not principals.function_admits(function, _SERVICE, source):
            return 500, dict(_JSON), _FAILED.encode()
        return await invoke(integration, api_id, stage, path, method, *rest, **kw)

    apigateway._invoke_lambda_proxy = checked


def limit_requests() -> None:
    """Refuse a request that is larger than API Gateway takes, and end one whose function takes too long.

    MiniStack takes any body and waits for the function. An HTTP API takes 10 MB, and waits for the integration's
    timeout, 30 seconds at most ("Quotas for configuring and running an HTTP API", API Gateway Developer Guide); then
    the caller gets a 503, and the function runs on (serverless/serverless#11222).
    """
    execute, invoke = apigateway.handle_execute, apigateway._invoke_lambda_proxy

    async def bounded(api_id: str, stage: str, path: str, method: str, *rest: Any, **more: Any) -> Any:
        body = rest[1]
        if len(body or b"") > PAYLOAD_BYTES:
            return 413, dict(_JSON), _TOO_LARGE.encode()
        return await execute(api_id, stage, path, method, *rest, **more)

    async def timed(integration: dict[str, Any], *rest: Any, **more: Any) -> Any:
        longest = min(int(integration.get("timeoutInMillis") or LONGEST_MILLISECONDS), LONGEST_MILLISECONDS)
        invocation = asyncio.ensure_future(invoke(integration, *rest, **more))
        invocation.add_done_callback(
            lambda ended: ended.cancelled() or ended.exception()
        )  # nobody may be left to see it
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(invocation), longest / 1000)
        return 503, dict(_JSON), _BUSY.encode()

    apigateway.handle_execute, apigateway._invoke_lambda_proxy = bounded, timed


def tell_callers_nothing_of_a_failure() -> None:
    """Answer in the gateway's own words for a function that failed, died or was throttled.

    MiniStack answers 502 with the function's error and the worker's last output, 429 with Lambda's refusal,
    and exposes the text of its own exceptions. An HTTP API answers "Internal Server Error" or "Service
    Unavailable" without a reason ("Troubleshooting issues with HTTP API Lambda integrations", API Gateway
    Developer Guide).
    """
    shape, execute = lambda_svc.lambda_execute_result_to_api_proxy_response, apigateway.handle_execute

    def worded(result: dict[str, Any]) -> Any:
        if result.get("throttle"):
            return {"statusCode": 503, "headers": dict(_JSON), "body": _BUSY}, None
        if result.get("error"):
            return {"statusCode": 500, "headers": dict(_JSON), "body": _FAILED}, None
        return shape(result)

    async def guarded(*request: Any, **more: Any) -> Any:
        try:
            return await execute(*request, **more)
        except Exception:  # noqa: BLE001 - whatever it is, a full disk too: its text is not the caller's
            _log.exception("a request to the API could not be answered")
            return 500, dict(_JSON), _FAILED.encode()

    lambda_svc.lambda_execute_result_to_api_proxy_response = worded
    apigateway.handle_execute = guarded


def give_apis_every_path() -> None:
    """Route every path of an API's host to that API.

    MiniStack answers some paths on every host as another service, for example ``/v2`` as ECR's registry. On
    AWS each service has its own hosts.
    """
    special = app._handle_special_data_plane_request

    async def elsewhere(method: str, path: str, headers: dict[str, str], *rest: Any, **more: Any) -> Any:
        host = headers.get("host", "")
        if app._parse_execute_api_url(host, path) is None:
            return await special(method, path, headers, *rest, **more)
        body, query, request_id = rest
        address = {key: more.get(key) for key in ("raw_path", "raw_query_string")}
        answer = await app._handle_execute_api_request(host, path, method, headers, body, query, **address)
        return app._with_data_plane_headers(answer, request_id, wildcard_cors=False)

    app._handle_special_data_plane_request = elsewhere


def _route(route_key: str, method: str) -> str:
    """Return a route key in the form of execute-api ARNs: ``GET /v1/models/{model}`` as ``GET/v1/models/{model}``."""
    verb, _, path = route_key.partition(" ")
    return f"{method if verb == 'ANY' else verb}{path}" if path else route_key
