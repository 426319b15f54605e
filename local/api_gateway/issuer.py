"""The laptop's issuer of tokens: it stands in for whichever issuer the deployed API trusts.

Nothing reaches that issuer from here, so the laptop cloud has a key pair of its own, which lives as long as it does,
and serves what an OIDC issuer serves: its configuration, its keys, and tokens by the client credentials grant. The
client's secret is in the file that says where the cloud is, which only its owner can read.
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
    """Issues tokens for the deployed API.

    Parameters
    ----------
    endpoint : str
        Where the cloud's AWS APIs answer; the issuer is below `PATH` there.
    """

    def __init__(self, endpoint: str) -> None:
        self._address = endpoint + PATH
        self._key_id = secrets.token_hex(8)
        self._secret = secrets.token_urlsafe(24)

    @property
    def client(self) -> dict[str, str]:
        """Who may ask for tokens, and where; a secret."""
        return {
            "token_endpoint": f"{self._address}/token",
            "client_id": "laptop",
            "client_secret": self._secret,
        }

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        """Made when first needed: a stage that takes signed requests never does."""
        return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)

    @property
    def keys(self) -> dict[str, rsa.RSAPublicKey]:
        """Key id to public key."""
        return {self._key_id: self._key.public_key()}

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Json]:
        """Answer a request: status and JSON.

        Parameters
        ----------
        method, path : str
            The path is below `PATH`.
        body : bytes
            A form, when tokens are asked for.
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
        """Grant every scope that is asked for: whoever has the secret owns the laptop cloud."""
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
        # One that ended already was issued before that.
        began = now + min(lifetime, 0)
        times = {"iat": began, "nbf": began, "exp": now + lifetime, "jti": secrets.token_hex(16)}
        return jwt.encode(claims | times, self._key, algorithm="RS256", headers={"kid": self._key_id})


def _trusted() -> Json:
    """Return what the deployed API's authorizer expects; {} when it has none."""
    from ministack.services import apigateway  # noqa: PLC0415 - MiniStack reads the environment on import

    found = (
        authorizer["jwtConfiguration"]
        for authorizers in apigateway._authorizers.values()
        for authorizer in authorizers.values()
        if authorizer["authorizerType"] == "JWT"
    )
    return next(found, {})
