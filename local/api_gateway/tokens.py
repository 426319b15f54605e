"""JWT authorization: issuer, audience, validity and scopes of a bearer token."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_ALGORITHMS = ["RS256", "RS384", "RS512"]
"""API Gateway accepts RSA signatures only."""
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""Three parts in base64url without padding (RFC 7515, section 7.1)."""
_TIMES = ("exp", "nbf", "iat")
_SAID: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidIssuerError: "the token is not of the issuer",
    jwt.MissingRequiredClaimError: "the token lacks iss or exp",
    jwt.InvalidAlgorithmError: "the token's algorithm is none of RSA's",
    jwt.InvalidSignatureError: "the token's signature is wrong",
}
"""Fixed messages for callers.

Claims are never quoted: the message goes into a response header, and claims are the sender's.
"""
_MALFORMED = "the token is malformed"


class InvalidTokenError(Exception):
    """The token is not valid; the message is a fixed text that callers may see."""


def claims_of(token: str, keys: Mapping[str, RSAPublicKey], *, issuer: str, audience: Sequence[str]) -> Any:
    """Verify a token and return its claims.

    Parameters
    ----------
    token : str
        The token, without "Bearer".
    keys : mapping
        The issuer's public keys by key id.
    issuer : str
        Required ``iss`` claim.
    audience : sequence of str
        Accepted audiences. The ``aud`` claim is compared, or ``client_id`` when there is none.

    Raises
    ------
    InvalidTokenError
        When form, signature, issuer, times or audience are not valid.
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
    """Return the sorted scopes of the ``scope`` and ``scp`` claims: a text of words, or a list of texts."""
    found: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name)
        found |= set(value.split()) if isinstance(value, str) else set(_texts(value))
    return sorted(found)


def _is_time(value: Any) -> bool:
    """Whether a value is a NumericDate (RFC 7519, section 2): a finite number, not text and not a boolean."""
    return type(value) in (int, float) and math.isfinite(value)


def _texts(value: Any) -> list[str]:
    """Return a text, or a list of texts, as a list; empty for anything else."""
    found = value if isinstance(value, list) else [value]
    return found if all(isinstance(one, str) for one in found) else []
