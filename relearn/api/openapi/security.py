"""Authentication in the OpenAPI document: security schemes, and the gateway's refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relearn.api.openapi.parts import Json, ref
from relearn.api.operations import Operation


@dataclass(frozen=True, slots=True)
class Tokens:
    """Authentication by access tokens of an OIDC issuer.

    Parameters
    ----------
    issuer
        URL of the issuer.
    scope_prefix
        Prefix of an operation's scope in a token.
    """

    issuer: str
    scope_prefix: str


Auth = Literal["iam"] | Tokens
"""Authentication of a stage: requests signed with IAM credentials, or tokens."""

_SIGNED = """
Requests are signed with AWS Signature Version 4 for the service `execute-api`.
"""
_BEARER = """
Requests carry a token of {issuer} in the header `Authorization: Bearer ...`, with one of the scopes that the
operation names.
"""
_SIGV4: Json = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "AWS Signature Version 4, service execute-api: `curl --aws-sigv4`, or any AWS SDK's signer.",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def about(auth: Auth) -> str:
    """Describe the authentication in words."""
    return _BEARER.format(issuer=auth.issuer) if isinstance(auth, Tokens) else _SIGNED


def schemes(auth: Auth) -> dict[str, Json]:
    """Return the security schemes."""
    if isinstance(auth, Tokens):
        text = f"An access token (JWT) of {auth.issuer}."
        return {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": text}}
    return {"sigv4": _SIGV4}


def of_operation(operation: Operation, auth: Auth) -> Json:
    """Return the security requirement of an operation."""
    if isinstance(auth, Tokens):
        return {"security": [{"token": [f"{auth.scope_prefix}{operation.scope}"]}]}
    return {"security": [{"sigv4": []}]}


def failures(auth: Auth) -> Json:
    """Return the refusals of every operation: status to response."""
    refused: Json = {"403": ref("Forbidden", "responses")}
    return {"401": ref("Unauthorized", "responses"), **refused} if isinstance(auth, Tokens) else refused


def responses(auth: Auth) -> dict[str, Json]:
    """Return the responses of the gateway's refusals."""
    content: Json = {"application/json": {"schema": ref("GatewayMessage")}}
    if not isinstance(auth, Tokens):
        text = "The request is not signed, signed wrongly or too long ago, or its signer may not call."
        return {"Forbidden": {"description": text, "content": content}}
    challenge: Json = {
        "www-authenticate": {
            "required": True,
            "description": "What is wrong with the token (RFC 6750).",
            "schema": {"type": "string"},
        }
    }
    unauthorized = "There is no token, or it is not valid: signature, issuer, audience or time."
    return {
        "Unauthorized": {"description": unauthorized, "headers": challenge, "content": content},
        "Forbidden": {"description": "The token lacks the operation's scope.", "content": content},
    }
