"""Who may call the HTTP API: signed requests or tokens, and pages of which origins."""

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
"""What a page may send: SigV4's headers, a token, and those that operations read."""
SHOWN_HEADERS = (
    "allow",
    "apigw-requestid",
    "idempotency-replayed",
    "location",
    "retry-after",
    "server-timing",
    "x-request-id",
)
"""What a page may read of an answer, beside its type and length."""


class ApiAuth:
    """How a stage's routes are authorised.

    Parameters
    ----------
    settings
        Of the stage.

    Attributes
    ----------
    authorizer
        For CDK's routes; made in the stack with the first of them.
    route_type
        What CloudFormation calls it.
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
        """Id of the authorizer that a route names; there once a route of CDK's has it."""
        if isinstance(self.authorizer, authorizers.HttpJwtAuthorizer):
            return self.authorizer.authorizer_id
        return None

    def scopes(self, scope: Scope) -> list[str] | None:
        """List the scopes, one of which a token must have; signed requests have none."""
        return [f"{self._prefix}{scope}"] if self.route_type == "JWT" else None


def described(settings: Settings) -> openapi.Auth:
    """Say for OpenAPI how callers prove who they are."""
    if settings.api_auth == "jwt" and settings.jwt_issuer is not None:
        return openapi.Tokens(settings.jwt_issuer, settings.jwt_scope_prefix)
    return "iam"


def cross_origin(settings: Settings) -> gateway.CorsPreflightOptions | None:
    """Let pages of the stage's origins call; None: no page of another origin may.

    Cookies are never let through: whoever calls adds a signature or a token to each request, so no page can use
    what a browser keeps of another.
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
