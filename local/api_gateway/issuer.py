"""The laptop's token issuer, which stands in for the OIDC issuer that the deployed API trusts.

The real issuer is out of reach, so the laptop cloud generates a key pair that lives as long as the cloud. It
serves an OIDC configuration, a JWKS, and tokens by the client credentials grant. The client's secret is in
the info file of the cloud, which only its owner can read.
"""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import hmac
import json
import secrets
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]

PATH = "/_issuer"
LIFETIME_SECONDS = 3600
_KEY_BITS = 2048


class Issuer:
    """An OIDC issuer that signs tokens for the deployed API.

    Parameters
    ----------
    endpoint : str
        URL of the cloud's AWS APIs; the issuer is served below `PATH` there.
    """

    def __init__(self, endpoint: str) -> None:
        self._address = endpoint + PATH
        self._key_id = secrets.token_hex(8)
        self._secret = secrets.token_urlsafe(24)

    @property
    def client(self) -> dict[str, str]:
        """Token endpoint, client id and secret of the only client; secret."""
        return {
            "token_endpoint": f"{self._address}/token",
            "client_id": "laptop",
            "client_secret": self._secret,
        }

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        """The signing key; generated at first use, because a stage with signed requests never needs it."""
        return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)

    @property
    def keys(self) -> dict[str, rsa.RSAPublicKey]:
        """Public keys by key id."""
        return {self._key_id: self._key.public_key()}

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Json]:
        """Answer a request to the issuer.

        Parameters
        ----------
        method, path : str
            HTTP method, and the path below `PATH`.
        body : bytes
            Request body; the form of a token request, ignored otherwise.

        Returns
        -------
        tuple of int and dict
            HTTP status and JSON body.
        """
        if (method, path) == ("GET", "/.well-known/openid-configuration"):
            return 200, self._configuration()
        if (method, path) == ("GET", "/jwks.json"):
            keys = [
                json.loads(RSAAlgorithm.to_jwk(key)) | {"kid": key_id, "use": "sig", "alg": "RS256"}
                for key_id, key in self.keys.items()
            ]
            return 200, {"keys": keys}
        if (method, path) == ("POST", "/token"):
            form = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
            return self._grant(form)
        return 404, {"error": "not_found"}

    def _configuration(self) -> Json:
        trusted = _trusted()
        return {
            "issuer": trusted.get("issuer", ""),
            "jwks_uri": f"{self._address}/jwks.json",
            "token_endpoint": self.client["token_endpoint"],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        }

    def _grant(self, form: Mapping[str, str]) -> tuple[int, Json]:
        """Grant every scope that is requested, because whoever has the secret owns the laptop cloud."""
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        known = form.get("client_id") == self.client["client_id"]
        if not (known and hmac.compare_digest(form.get("client_secret", "").encode(), self._secret.encode())):
            return 401, {"error": "invalid_client"}
        trusted = _trusted()
        if not trusted:
            return 400, {
                "error": "invalid_request",
                "error_description": "the deployed API takes no tokens: its api_auth is not jwt",
            }
        audience, scope = form.get("audience", trusted["audience"][0]), form.get("scope", "")
        try:
            lifetime = int(form.get("expires_in", LIFETIME_SECONDS))
        except ValueError:
            return 400, {"error": "invalid_request", "error_description": "expires_in is whole seconds"}
        token = self._sign(trusted["issuer"], audience, scope, lifetime)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": scope}

    def _sign(self, issuer: str, audience: str, scope: str, lifetime: int) -> str:
        now, client = int(time.time()), self.client["client_id"]
        claims = {"iss": issuer, "sub": client, "client_id": client, "aud": audience, "scope": scope}
        # A negative lifetime gives a token that has expired; it is issued in the past so that iat <= exp.
        began = now + min(lifetime, 0)
        times = {"iat": began, "nbf": began, "exp": now + lifetime, "jti": secrets.token_hex(16)}
        return jwt.encode(claims | times, self._key, algorithm="RS256", headers={"kid": self._key_id})


def _trusted() -> Json:
    """Return the JWT configuration of the deployed API's authorizer; empty when it has none."""
    from ministack.services import apigateway  # noqa: PLC0415 - MiniStack reads the environment on import

    found = (
        authorizer["jwtConfiguration"]
        for authorizers in apigateway._authorizers.values()
        for authorizer in authorizers.values()
        if authorizer["authorizerType"] == "JWT"
    )
    return next(found, {})
