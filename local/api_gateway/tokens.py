"""JWT: the token is of the issuer, for this audience, valid now, and has a scope of the route."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_ALGORITHMS = ["RS256", "RS384", "RS512"]
"""API Gateway takes RSA alone."""
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""Three parts in base64url without padding, and nothing around them (RFC 7515, 7.1)."""
_TIMES = ("exp", "nbf", "iat")
_SAID: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidIssuerError: "the token is not of the issuer",
    jwt.MissingRequiredClaimError: "the token lacks iss or exp",
    jwt.InvalidAlgorithmError: "the token's algorithm is none of RSA's",
    jwt.InvalidSignatureError: "the token's signature is wrong",
}
"""What a caller is told. Never what the token says: that would go into a header of the answer as its sender likes."""
_MALFORMED = "the token is malformed"


class InvalidTokenError(Exception):
    """The token is not valid; the message says why in fixed words, as a caller may know it."""


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
    if not _FORM.fullmatch(token):
        raise InvalidTokenError(_MALFORMED)
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
    except jwt.PyJWTError as error:
        raise InvalidTokenError(_SAID.get(type(error), _MALFORMED)) from error
    if not all(_is_time(claims[name]) for name in _TIMES if name in claims):
        raise InvalidTokenError("the token's times are no numbers")
    given = claims["aud"] if "aud" in claims else claims.get("client_id")
    if not set(_texts(given)) & set(audience):
        raise InvalidTokenError("the token does not have a valid audience")
    return claims


def scopes_of(claims: Mapping[str, Any]) -> list[str]:
    """Return the scopes in a token, from ``scope`` and ``scp``: words in a text, or a list of texts."""
    found: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name)
        found |= set(value.split()) if isinstance(value, str) else set(_texts(value))
    return sorted(found)


def _is_time(value: Any) -> bool:
    """Whether this is a NumericDate (RFC 7519, 2): a finite number, and neither text nor a truth value."""
    return type(value) in (int, float) and math.isfinite(value)


def _texts(value: Any) -> list[str]:
    """Return a text, or the texts of a list that holds nothing else; of anything else none."""
    found = value if isinstance(value, list) else [value]
    return found if all(isinstance(one, str) for one in found) else []
