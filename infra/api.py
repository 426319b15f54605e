"""The HTTP API: routes, who may call them and how often, and the access log."""

from __future__ import annotations

import json
from typing import cast

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from infra.functions import Function, log_group_for
from infra.grants import acknowledge
from infra.settings import Settings
from relearn import names

LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "caller": "$context.identity.caller",
    "ip": "$context.identity.sourceIp",
    "error": "$context.error.message",
}


class Api(Construct):
    """HTTP API in front of the functions that answer.

    Parameters
    ----------
    predict, models
        Answer ``POST …/predict``, and the ``GET`` routes.

    Attributes
    ----------
    url
        Where it is.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, predict: Function, models: Function
    ) -> None:
        super().__init__(scope, construct_id)
        self._open = settings.api_auth == "none"
        self.api = gateway.HttpApi(
            self, "Http", api_name=names.stack(settings.stage, "api"), create_default_stage=False
        )
        self.stage = gateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            auto_deploy=True,
            detailed_metrics_enabled=True,
            throttle=gateway.ThrottleSettings(
                rate_limit=settings.requests_per_second, burst_limit=settings.burst
            ),
        )
        self._log_access(settings)
        get, post = gateway.HttpMethod.GET, gateway.HttpMethod.POST
        self._route("Predict", predict, post, "/v1/models/{model}/predict")
        self._route("Models", models, get, "/v1/models")
        self._route("Model", models, get, "/v1/models/{model}")
        self.url = self.stage.url

    def _route(self, name: str, function: Function, method: gateway.HttpMethod, path: str) -> None:
        authorizer = gateway.HttpNoneAuthorizer() if self._open else authorizers.HttpIamAuthorizer()
        routes = self.api.add_routes(
            path=path,
            methods=[method],
            integration=integrations.HttpLambdaIntegration(f"{name}Integration", function.function),
            authorizer=authorizer,
        )
        if self._open:
            acknowledge(
                routes[0],
                "AwsSolutions-APIG4",
                "the laptop's API listens on loopback only; settings refuse api_auth=none on any other stage",
            )

    def _log_access(self, settings: Settings) -> None:
        log_group = log_group_for(
            self,
            "AccessLog",
            settings=settings,
            # The vended prefix keeps the account's log resource policy from outgrowing its limit.
            name=f"/aws/vendedlogs/apis/{names.stack(settings.stage, 'api')}",
        )
        stage = cast("gateway.CfnStage", self.stage.node.default_child)
        stage.access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
            # Not the group's own attribute, which ends in ":*".
            destination_arn=Stack.of(self).format_arn(
                service="logs",
                resource="log-group",
                resource_name=log_group.log_group_name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            format=json.dumps(LOGGED),
        )
