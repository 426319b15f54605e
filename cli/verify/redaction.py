"""Removal of secrets and of an account's identity from a report that is shown to others.

What is known is replaced literally (the credentials and tokens in use, the host of the API), everything else by its
shape. A text that only looks like a secret is replaced too: a report does not need it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

SHORTEST = 8
"""Minimum length of a known secret that is replaced literally; shorter ones would spoil ordinary words."""
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), "<key>"),
    (re.compile(r"\beyJ[\w-]*\.[\w-]+(?:\.[\w-]*)?"), "<token>"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 <token>"),
    (re.compile(r"(?i)\b(x-amz-(?:signature|credential|security-token)|signature|awsaccesskeyid)=[^&\s\"'<>]+"), r"\1=<secret>"),
    (re.compile(r"(?i)\b((?:aws_)?(?:secret_access_key|session_token|client_secret|password|task_?token))(\\?[\"']?\s*[:=]\s*\\?)(?:\"[^\"]*\"?|'[^']*'?|[^\s\"',;&]+)"), r"\1\2<secret>"),
    (re.compile(r"(?:A3T[A-Z0-9]|ABIA|ACCA|AGPA|AIDA|AIPA|AKIA|ANPA|ANVA|AROA|ASCA|ASIA)[A-Z0-9]{12,}"), "<key id>"),
    (re.compile(r"(?i)[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"), "<api>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"(:assumed-role/[\w+=,.@-]+/)[\w+=,.@-]+"), r"\1<session>"),
    (re.compile(r"(:user/)[\w+=,.@/-]+"), r"\1<user>"),
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "<account>"),
    (re.compile(r"(?<!\d)\d{4}-\d{4}-\d{4}(?!\d)"), "<account>"),
    (re.compile(r"(?<![\w/+=])[A-Za-z0-9/+]{40}(?![\w/+=])"), "<secret>"),
    (re.compile(r"[A-Za-z0-9/+=]{100,}"), "<secret>"),
)  # fmt: skip
"""Shapes of secrets and identities, in the order of their replacement, with what takes their place."""


class Redactor:
    """Replaces secrets, account ids, names of people and the API's host in texts.

    Parameters
    ----------
    secrets
        Known secrets; those shorter than `SHORTEST` and empty ones are ignored.
    hosts
        URLs whose host, with its port, is replaced.
    """

    def __init__(self, *, secrets: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        known = {
            text: "<secret>" for secret in secrets if len(secret) >= SHORTEST for text in _spelled(secret)
        }
        known |= {host: "<api>" for url in hosts if (host := urlsplit(url).netloc)}
        longest_first = sorted(known, key=len, reverse=True)
        self._places = known
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def text(self, text: str) -> str:
        """Return a text without them."""
        if self._known is not None:
            text = self._known.sub(lambda found: self._places[found[0]], text)
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return text

    def document(self, value: Any) -> Any:
        """Return JSON-ready data without them, in keys and values."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(key)): self.document(item) for key, item in value.items()}
            case list() | tuple():
                return [self.document(item) for item in value]
            case int() if (shown := self.text(str(value))) != str(value):
                return shown
            case _:
                return value


def _spelled(secret: str) -> set[str]:
    """Return a secret as it is written in texts and in URLs."""
    return {secret, quote(secret), quote(secret, safe="")}
