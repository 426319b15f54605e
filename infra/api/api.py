"""The HTTP API: its routes and their authorisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.api.auth import ApiAuth, cross_origin
from infra.api.stage import ApiStage
from infra.base.functions import Function
from infra.base.grants import acknowledge
from infra.base.settings import Settings
from relearn.api import operations as routes
from relearn.api.operations import Operation
from relearn.naming import resources


class Api(Construct):
    """HTTP API in front of the functions that answer.

    Parameters
    ----------
    functions
        Functions that answer; `relearn.api.operations` has the function of each operation.
    hosts
        Model name to host function, for models whose predictions it answers instead of the common function.

    Attributes
    ----------
    url
        URL of the API.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        functions: Sequence[Function],
        hosts: Mapping[str, Function],
    ) -> None:
        super().__init__(scope, construct_id)
        self._auth = ApiAuth(settings)
        self.api = gateway.HttpApi(
            self,
            "Http",
            api_name=resources.stack(settings.stage, "api"),
            create_default_stage=False,
            cors_preflight=cross_origin(settings),
        )
        by_name = {function.name: function for function in functions}
        self._routes: list[Construct] = []
        for (_, function), group in groupby(routes.OPERATIONS, lambda one: (one.path, one.function)):
            self._route(list(group), by_name[function])
        for model, host in hosts.items():
            for operation in routes.PREDICTING:
                self._route([operation.of(model)], host)
        self._default_routes(by_name[routes.DEFAULT_FUNCTION], pages=bool(settings.cors_origins))
        self.stage = ApiStage(self, settings=settings, api=self.api, hosted=list(hosts), after=self._routes)
        self.url = self.stage.url

    def _route(self, operations: list[Operation], function: Function) -> None:
        integration = _integration(operations[0].id, function)
        made = [
            route
            for operation in operations
            for route in self.api.add_routes(
                path=operation.path,
                methods=[gateway.HttpMethod(operation.method)],
                integration=integration,
                authorizer=self._auth.authorizer,
                authorization_scopes=self._auth.scopes(operation.scope),
            )
        ]
        self._routes += made
        for again in made[1:]:  # a permission is for the path, so that of a second method would be the same
            for child in again.node.children:
                if child.node.id.endswith("-Permission"):
                    again.node.try_remove_child(child.node.id)

    def _default_routes(self, function: Function, *, pages: bool) -> None:
        """Route requests that match no operation to a function.

        The gateway's own 404 is not a problem document. The route is built of CloudFormation resources,
        because CDK's integration would let every route of the API invoke the function, and make the other
        routes' permissions meaningless. An API that pages may call needs a route without authorisation for
        their preflights, which would match the default route and be refused there: "CORS for HTTP APIs" in the
        API Gateway Developer Guide.
        """
        integration = gateway.CfnIntegration(
            self,
            "DefaultIntegration",
            api_id=self.api.api_id,
            integration_type="AWS_PROXY",
            integration_uri=function.arn,
            payload_format_version="2.0",
        )
        target = f"integrations/{integration.ref}"
        route = gateway.CfnRoute(
            self,
            "Default",
            api_id=self.api.api_id,
            route_key=routes.DEFAULT,
            target=target,
            authorization_type=self._auth.route_type,
            authorizer_id=self._auth.authorizer_id,
            authorization_scopes=self._auth.scopes(routes.DEFAULT_SCOPE),
        )
        self._routes.append(cast("Construct", route))
        self._let_invoke("DefaultRoute", function, f"*/{routes.DEFAULT}")
        if pages:
            preflight = gateway.CfnRoute(
                self,
                "Preflight",
                api_id=self.api.api_id,
                route_key=routes.PREFLIGHT,
                target=target,
                authorization_type="NONE",
            )
            reason = "A preflight has no credentials; API Gateway answers it by the API's CORS configuration"
            acknowledge(preflight, "AwsSolutions-APIG4", reason)
            self._routes.append(cast("Construct", preflight))
            self._let_invoke("PreflightRoute", function, f"*/*{routes.PREFLIGHT.partition(' ')[2]}")

    def _let_invoke(self, name: str, function: Function, route: str) -> None:
        source = Stack.of(self).format_arn(
            service="execute-api", resource=self.api.api_id, resource_name=route
        )
        function.function.add_permission(
            name, principal=iam.ServicePrincipal("apigateway.amazonaws.com"), source_arn=source
        )


def _integration(name: str, function: Function) -> integrations.HttpLambdaIntegration:
    return integrations.HttpLambdaIntegration(f"{name[0].upper()}{name[1:]}Integration", function.function)
