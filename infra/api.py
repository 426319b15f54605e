"""The HTTP API: routes, who may call them and how often, and the access log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import cast

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from infra.functions import Function, log_group_for
from infra.grants import acknowledge
from infra.settings import Settings
from relearn import names, routes
from relearn.routes import Operation

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
    functions
        Answer; which what, `relearn.routes` says.

    Attributes
    ----------
    url
        Where it is.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, functions: Sequence[Function]
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
        by_name = {function.name: function for function in functions}
        for (_, function), group in groupby(routes.OPERATIONS, lambda one: (one.path, one.function)):
            self._route(list(group), by_name[function])
        self._default_route(by_name[routes.DEFAULT_FUNCTION])
        self.url = self.stage.url

    def _route(self, operations: list[Operation], function: Function) -> None:
        made = self.api.add_routes(
            path=operations[0].path,
            methods=[gateway.HttpMethod(operation.method) for operation in operations],
            integration=_integration(operations[0].id, function),
            authorizer=gateway.HttpNoneAuthorizer() if self._open else authorizers.HttpIamAuthorizer(),
        )
        for route in made:
            self._acknowledge_open(route)
        for again in made[1:]:  # a permission is for the path: that of a second method would be the same
            for child in again.node.children:
                if child.node.id.endswith("-Permission"):
                    again.node.try_remove_child(child.node.id)

    def _default_route(self, function: Function) -> None:
        """Answer what matches no operation ourselves: the gateway's own 404 is no problem document.

        Made of the resources themselves, because CDK's integration would let every route of the API invoke the
        function, and the other routes' own permissions would mean nothing.
        """
        integration = gateway.CfnIntegration(
            self,
            "DefaultIntegration",
            api_id=self.api.api_id,
            integration_type="AWS_PROXY",
            integration_uri=function.arn,
            payload_format_version="2.0",
        )
        route = gateway.CfnRoute(
            self,
            "Default",
            api_id=self.api.api_id,
            route_key=routes.DEFAULT,
            target=f"integrations/{integration.ref}",
            authorization_type="NONE" if self._open else "AWS_IAM",
        )
        self._acknowledge_open(route)
        source = Stack.of(self).format_arn(
            service="execute-api", resource=self.api.api_id, resource_name=f"*/{routes.DEFAULT}"
        )
        function.function.add_permission(
            "DefaultRoute", principal=iam.ServicePrincipal("apigateway.amazonaws.com"), source_arn=source
        )

    def _acknowledge_open(self, route: IConstruct) -> None:
        if self._open:
            acknowledge(
                route,
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


def _integration(name: str, function: Function) -> integrations.HttpLambdaIntegration:
    return integrations.HttpLambdaIntegration(f"{name[0].upper()}{name[1:]}Integration", function.function)
