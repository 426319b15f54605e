"""API Gateway lets through only who may call, and not too often."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import arn
from ministack.core.responses import request_scope
from ministack.services import apigateway

from local.api_gateway import arrivals, signature, tokens
from local.api_gateway.throttle import Throttle, limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.api_gateway.issuer import Issuer

    Answer = tuple[int, dict[str, str], bytes]

_INVOKE = "execute-api:Invoke"
_BODY, _ROUTE_KEY = 1, 5
"""Places in MiniStack's calls: after API, stage, path and method; after integration, API and stage."""


def check_signatures() -> None:
    """Answer 403 to a request of an AWS_IAM route that is not signed well, or whose signer may not call.

    MiniStack does not check the signature of the account's root user, takes one for any service and region, does
    not compare the body with its digest, and words a refusal as a REST API does. An HTTP API says "Forbidden", and
    nothing of the reason.
    """
    enforce, execute = app._enforce_execute_api, apigateway.handle_execute

    def leave_http_apis(api_id: str, *rest: Any, iam_action: str = _INVOKE) -> Any:
        if iam_action == _INVOKE and apigateway.find_api_scope(api_id):
            return None  # asked below, where the body is known
        return enforce(api_id, *rest, iam_action=iam_action)

    async def checked(api_id: str, stage: str, path: str, method: str, *request: Any, **more: Any) -> Any:
        body = request[_BODY] or b""
        if _is_signed(api_id, stage, method, path) and not _signer_may(api_id, stage, method, path, body):
            return _message(403, "Forbidden")
        return await execute(api_id, stage, path, method, *request, **more)

    app._enforce_execute_api, apigateway.handle_execute = leave_http_apis, checked


def _is_signed(api_id: str, stage: str, method: str, path: str) -> bool:
    """Whether the request must be signed: the gateway answers a preflight itself, where pages may call."""
    scope = apigateway.find_api_scope(api_id)
    if scope and method == "OPTIONS":
        with request_scope(*scope):
            if apigateway._apis[api_id].get("corsConfiguration"):
                return False
    return bool(apigateway.route_authorization_type(api_id, stage, method, path) == "AWS_IAM")


def _signer_may(api_id: str, stage: str, method: str, path: str, body: bytes) -> bool:
    account, region = apigateway.find_api_scope(api_id)
    resource = arn.execute_api_arn(region, account, api_id, stage, method, path)
    with request_scope(account, region):
        return signature.admits(arrivals.current(), body, account=account, region=region, resource=resource)


def check_tokens(issuer: Issuer) -> None:
    """Check a JWT route's token with the laptop's issuer, and say what is wrong with it.

    MiniStack would ask the issuer that the template names, which is out of reach; takes a token that never expires;
    and sends no ``www-authenticate`` header, which on AWS says what is wrong.
    """

    async def checked(
        route: dict[str, Any], authorizer: dict[str, Any], headers: Any, query: Any
    ) -> tuple[Any, Any, Answer | None]:
        token = apigateway._extract_token_from_identity_source(authorizer["identitySource"], headers, query)
        if not token:
            return None, None, _message(401, "Unauthorized", challenge="Bearer")
        try:
            claims = tokens.claims_of(token, issuer.keys, **authorizer["jwtConfiguration"])
        except tokens.InvalidTokenError as error:
            return None, None, _refused(str(error))
        found, wanted = tokens.scopes_of(claims), route.get("authorizationScopes")
        if wanted and not set(wanted) & set(found):
            return None, None, _message(403, "Forbidden")
        return claims, found, None

    apigateway._validate_jwt_authorizer = checked


def read_cors_of_templates() -> None:
    """Let pages call as the template says.

    MiniStack reads an API's CORS configuration as its own API writes it ("allowOrigins") and keeps a template's as
    that is written ("AllowOrigins"), so every preflight of a deployed API is refused.
    """
    for name in ("_cors_preflight_response", "_cors_response_headers"):
        setattr(apigateway, name, _with_api_names(getattr(apigateway, name)))


def _with_api_names(answer: Callable[[dict[str, Any], str], Any]) -> Callable[[dict[str, Any], str], Any]:
    def named(configuration: dict[str, Any], origin: str) -> Any:
        return answer(
            {key[:1].lower() + key[1:]: value for key, value in (configuration or {}).items()}, origin
        )

    return named


def throttle_routes() -> None:
    """Answer 429 when a route is called more often than the stage allows.

    MiniStack keeps a stage's limits and heeds none. AWS has a token bucket for each route; it does not say whether
    refused callers empty it, and here they do not.
    """
    invoke, throttle = apigateway._invoke_lambda_proxy, Throttle()

    async def bounded(integration: Any, api_id: str, stage: str, *request: Any, **more: Any) -> Any:
        route_key = request[_ROUTE_KEY]
        bounds = limits(apigateway._stages.get(api_id, {}).get(stage, {}), route_key)
        if bounds and not throttle.admits((api_id, stage, route_key), rate=bounds[0], burst=bounds[1]):
            return _message(429, "Too Many Requests")
        return await invoke(integration, api_id, stage, *request, **more)

    apigateway._invoke_lambda_proxy = bounded


def _refused(description: str) -> Answer:
    """Answer 401, and say what is wrong with the token; what it says itself is never repeated."""
    challenge = f'Bearer scope="" error="invalid_token" error_description="{description}"'
    return _message(401, "Unauthorized", challenge=challenge)


def _message(status: int, message: str, *, challenge: str = "") -> Answer:
    headers = {"Content-Type": "application/json"} | ({"www-authenticate": challenge} if challenge else {})
    return status, headers, json.dumps({"message": message}, separators=(",", ":")).encode()
