"""Stage of the HTTP API: throttles of each route, and the access log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_apigatewayv2 as gateway
from constructs import Construct

from infra.base.functions import log_group_for
from infra.base.settings import DEFAULT_THROTTLES, Settings
from relearn.api import operations
from relearn.naming import resources

LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "ip": "$context.identity.sourceIp",
    "error": "$context.error.message",
    "refused": "$context.authorizer.error",
}
"""Fields of an access log entry."""
CALLER = {"iam": "$context.identity.caller", "jwt": "$context.authorizer.claims.sub"}
"""Field of the caller by kind of authorisation: the principal that signed, or the subject of the token."""


class ApiStage:
    """The only stage of the HTTP API, at the root of its URL.

    Parameters
    ----------
    scope
        Construct of the API.
    api
        API that is deployed.
    hosted
        Models with routes of their own; throttles of an operation apply to each of these separately.
    after
        All routes: the stage has settings for some of them, which API Gateway refuses for a route that does
        not exist yet.

    Attributes
    ----------
    url
        URL of the stage.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: Settings,
        api: gateway.HttpApi,
        hosted: Sequence[str],
        after: Sequence[Construct],
    ) -> None:
        stage = gateway.HttpStage(
            scope,
            "Stage",
            http_api=api,
            auto_deploy=True,
            detailed_metrics_enabled=True,
            throttle=gateway.ThrottleSettings(
                rate_limit=settings.requests_per_second, burst_limit=settings.burst
            ),
        )
        self.url = stage.url
        resource = cast("gateway.CfnStage", stage.node.default_child)
        resource.route_settings = _route_settings(settings, hosted)
        resource.access_log_settings = _access_log(scope, settings)
        stage.node.add_dependency(*after)


def _route_settings(settings: Settings, hosted: Sequence[str]) -> dict[str, Any]:
    keys = {operation.id: [operation.key] for operation in operations.OPERATIONS}
    for operation in operations.PREDICTING:
        keys[operation.id] += [operation.of(model).key for model in hosted]
    throttles = {**DEFAULT_THROTTLES, **settings.throttles}
    return {
        key: {
            "DetailedMetricsEnabled": True,
            "ThrottlingRateLimit": rate,
            "ThrottlingBurstLimit": burst,
        }
        for name, (rate, burst) in sorted(throttles.items())
        for key in keys[name]
    }


def _access_log(scope: Construct, settings: Settings) -> gateway.CfnStage.AccessLogSettingsProperty:
    log_group = log_group_for(
        scope,
        "AccessLog",
        settings=settings,
        # The vended prefix keeps the account's log resource policy from outgrowing its limit.
        name=f"/aws/vendedlogs/apis/{resources.stack(settings.stage, 'api')}",
    )
    return gateway.CfnStage.AccessLogSettingsProperty(
        # Not the group's own attribute, which ends in ":*".
        destination_arn=Stack.of(scope).format_arn(
            service="logs",
            resource="log-group",
            resource_name=log_group.log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        ),
        format=json.dumps({**LOGGED, "caller": CALLER[settings.api_auth]}),
    )
