"""API Gateway's checks of callers: signature or token, CORS and throttling."""

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
"""Index of the body after API, stage, path and method, and of the route key after integration, API and stage."""


def check_signatures() -> None:
    """Answer 403 to a request of an AWS_IAM route whose signature is not valid or whose signer may not call it.

    MiniStack does not verify the root user's signature, accepts one for any service and region, does not
    compare the body with its digest, and answers in the words of a REST API. An HTTP API answers "Forbidden"
    without a reason.
    """
    enforce, execute = app._enforce_execute_api, apigateway.handle_execute

    def leave_http_apis(api_id: str, *rest: Any, iam_action: str = _INVOKE) -> Any:
        if iam_action == _INVOKE and apigateway.find_api_scope(api_id):
            return None  # checked below, where the body is known
        return enforce(api_id, *rest, iam_action=iam_action)

    async def checked(api_id: str, stage: str, path: str, method: str, *request: Any, **more: Any) -> Any:
        body = request[_BODY] or b""
        if _is_signed(api_id, stage, method, path) and not _signer_may(api_id, stage, method, path, body):
            return _message(403, "Forbidden")
        if method == "OPTIONS" and apigateway.route_authorization_type(api_id, stage, method, path) == "JWT":
            return _message(401, "Unauthorized", challenge="Bearer")  # a preflight has no token
        return await execute(api_id, stage, path, method, *request, **more)

    app._enforce_execute_api, apigateway.handle_execute = leave_http_apis, checked


def _is_signed(api_id: str, stage: str, method: str, path: str) -> bool:
    return bool(apigateway.route_authorization_type(api_id, stage, method, path) == "AWS_IAM")


def _signer_may(api_id: str, stage: str, method: str, path: str, body: bytes) -> bool:
    account, region = apigateway.find_api_scope(api_id)
    resource = arn.execute_api_arn(region, account, api_id, stage, method, path)
    with request_scope(account, region):
        return signature.admits(arrivals.current(), body, account=account, region=region, resource=resource)


def check_tokens(issuer: Issuer) -> None:
    """Verify a JWT route's token with the laptop's issuer, and return the error in ``www-authenticate``.

    MiniStack queries the issuer that the template names, which is out of reach, accepts tokens without an
    expiry, and sends no ``www-authenticate`` header. AWS describes the error in that header.
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
    """Apply the CORS configuration of a template to requests of pages.

    MiniStack reads the configuration in the spelling of the API ("allowOrigins") but stores a template's in
    CloudFormation's ("AllowOrigins"), so it refuses every preflight of a deployed API.
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

    MiniStack stores a stage's limits but does not apply them. AWS has a token bucket for each route. AWS does
    not document whether refused requests take tokens; here they do not.
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
    """Return a 401 with a fixed description of the error; the token's content is never repeated."""
    challenge = f'Bearer scope="" error="invalid_token" error_description="{description}"'
    return _message(401, "Unauthorized", challenge=challenge)


def _message(status: int, message: str, *, challenge: str = "") -> Answer:
    headers = {"Content-Type": "application/json"} | ({"www-authenticate": challenge} if challenge else {})
    return status, headers, json.dumps({"message": message}, separators=(",", ":")).encode()
