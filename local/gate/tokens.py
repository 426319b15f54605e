"""JWT: the token is of the issuer, for this audience, valid now, and has a scope of the route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_ALGORITHMS = ["RS256", "RS384", "RS512"]
"""API Gateway takes RSA alone."""


class InvalidTokenError(Exception):
    """The token is not valid; the message says why, as a caller may know it."""


def claims_of(token: str, keys: Mapping[str, RSAPublicKey], *, issuer: str, audience: Sequence[str]) -> Any:
    """Return a valid token's claims.

    Parameters
    ----------
    token : str
        As sent.
    keys : mapping
        Key id to key, of the issuer.
    issuer, audience
        What the authorizer was made with.

    Raises
    ------
    InvalidTokenError
        When the token is not valid.
    """
    try:
        key = keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise InvalidTokenError("the token is not signed with a key of the issuer")
        claims = jwt.decode(
            token,
            key,
            algorithms=_ALGORITHMS,
            issuer=issuer,
            options={"require": ["iss", "exp"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError as error:
        raise InvalidTokenError("the token has expired") from error
    except jwt.PyJWTError as error:
        raise InvalidTokenError(f"the token is not valid: {error}") from error
    given = claims["aud"] if "aud" in claims else claims.get("client_id")
    if not set(given if isinstance(given, list) else [given]) & set(audience):
        raise InvalidTokenError("the token does not have a valid audience")
    return claims


def scopes_of(claims: Mapping[str, Any]) -> list[str]:
    """Return the scopes in a token, from ``scope`` and ``scp``: words in a text, or a list."""
    found: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name, [])
        found |= set(value.split()) if isinstance(value, str) else {str(item) for item in value or ()}
    return sorted(found)
