"""Authorisation of the HTTP API, by signed requests or tokens, and its CORS rules."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers

from infra.base.settings import Settings
from relearn.api import openapi, operations
from relearn.api.operations import Scope

SENT_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "x-relearn-key",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
)
"""Request headers that a page may send: SigV4's headers, a token, and those that operations read."""
SHOWN_HEADERS = (
    "allow",
    "apigw-requestid",
    "idempotency-replayed",
    "location",
    "retry-after",
    "server-timing",
    "x-request-id",
)
"""Response headers that a page may read, besides type and length."""


class ApiAuth:
    """Authorisation of a stage's routes.

    Parameters
    ----------
    settings
        Settings of the stage.

    Attributes
    ----------
    authorizer
        Authorizer of CDK's routes; created in the stack with the first of them.
    route_type
        Its authorization type in CloudFormation.
    """

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.jwt_scope_prefix
        self.authorizer: authorizers.HttpIamAuthorizer | authorizers.HttpJwtAuthorizer
        if settings.api_auth == "jwt" and settings.jwt_issuer is not None:
            self.authorizer = authorizers.HttpJwtAuthorizer(
                "Tokens", settings.jwt_issuer, jwt_audience=list(settings.jwt_audience)
            )
            self.route_type = "JWT"
        else:
            self.authorizer = authorizers.HttpIamAuthorizer()
            self.route_type = "AWS_IAM"

    @property
    def authorizer_id(self) -> str | None:
        """Id of the JWT authorizer, available after CDK's first route uses it; None for IAM."""
        if isinstance(self.authorizer, authorizers.HttpJwtAuthorizer):
            return self.authorizer.authorizer_id
        return None

    def scopes(self, scope: Scope) -> list[str] | None:
        """Return the scopes of which a token needs one; None for signed requests."""
        return [f"{self._prefix}{scope}"] if self.route_type == "JWT" else None


def described(settings: Settings) -> openapi.Auth:
    """Return the authentication of a stage for OpenAPI."""
    if settings.api_auth == "jwt" and settings.jwt_issuer is not None:
        return openapi.Tokens(settings.jwt_issuer, settings.jwt_scope_prefix)
    return "iam"


def cross_origin(settings: Settings) -> gateway.CorsPreflightOptions | None:
    """Return the CORS rules for pages of the stage's origins; None without origins.

    Cookies are never allowed: every request carries a signature or a token, so a page cannot use credentials
    that a browser stores for another one.
    """
    if not settings.cors_origins:
        return None
    methods = sorted({operation.method for operation in operations.OPERATIONS})
    return gateway.CorsPreflightOptions(
        allow_origins=list(settings.cors_origins),
        allow_methods=[gateway.CorsHttpMethod(method) for method in methods],
        allow_headers=list(SENT_HEADERS),
        expose_headers=list(SHOWN_HEADERS),
        max_age=Duration.hours(1),
    )
