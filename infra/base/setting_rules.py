"""Rules of each setting of a stage, and their descriptions for error messages and documentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from relearn.api import operations
from relearn.spec import engines

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)  # fmt: skip  # CloudWatch Logs' own list
MAX_RATE, MAX_BURST = 10_000, 5_000
_ORIGIN = r"https://[\w.-]+(:\d{1,5})?|http://(localhost|127\.0\.0\.1)(:\d{1,5})?"

_Rule = tuple[Callable[[Any], bool], str]


def _whole(low: int, high: int, *, optional: bool = False) -> _Rule:
    def holds(value: Any) -> bool:
        return (optional and value is None) or _is_whole(value, low, high)

    return holds, f"a whole number, {low} to {high}" + (", or nothing" if optional else "")


def _is_whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _text(pattern: str, allowed: str, *, optional: bool = True) -> _Rule:
    def holds(value: Any) -> bool:
        return (optional and value is None) or _fits(value, pattern)

    return holds, allowed


def _texts(pattern: str, allowed: str) -> _Rule:
    """Return the rule of a list of distinct strings, which may be empty."""

    def holds(value: Any) -> bool:
        return (
            isinstance(value, tuple)
            and all(_fits(item, pattern) for item in value)
            and len(set(value)) == len(value)
        )

    return holds, allowed


def _fits(value: Any, pattern: str) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(pattern, value))


def _one_of(*choices: Any) -> _Rule:
    return (lambda value: any(value is c or (type(value) is type(c) and value == c) for c in choices)), (
        f"one of {', '.join(str(choice) for choice in choices)}"
    )


def _origins() -> _Rule:
    holds, _ = _texts(_ORIGIN, "")
    return (lambda value: value == ("*",) or holds(value)), (
        'a list of origins (https://host, http://localhost:3000), each once and without a path; or ["*"]'
    )


def _throttles() -> _Rule:
    known = [operation.id for operation in operations.OPERATIONS]

    def holds(value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            name in known
            and isinstance(limits, tuple)
            and len(limits) == len((MAX_RATE, MAX_BURST))
            and all(_is_whole(*pair) for pair in zip(limits, (1, 1), (MAX_RATE, MAX_BURST), strict=True))
            for name, limits in value.items()
        )

    return holds, (
        f"an object of operation: [requests a second (1 to {MAX_RATE}), burst (1 to {MAX_BURST})]; operations are "
        + ", ".join(known)
    )


RULES: dict[str, _Rule] = {
    "account": _text(r"\d{12}", "the 12 digits of an AWS account, quoted"),
    "region": _text(
        r"(?=.{1,15}$)[a-z]{2}(-[a-z]+)+-\d", "an AWS region, e.g. eu-central-1, of at most 15 characters"
    ),
    "image": _text(
        r"([a-z0-9][a-z0-9._:/-]*@)?sha256:[0-9a-f]{64}",
        "the digest of an image, sha256: and 64 hexadecimal digits, alone or after a repository and @",
    ),
    "api_auth": _one_of("iam", "jwt"),
    "jwt_issuer": _text(
        r"https://[^\s?#]+", "the https:// URL of an OIDC issuer, without a query or fragment"
    ),
    "jwt_audience": _texts(r"\S+", "a list of audiences, each once"),
    "jwt_scope_prefix": _text(
        r"[!#-\[\]-~]*", "characters that a scope may have: no spaces, quotes or backslashes", optional=False
    ),
    "cors_origins": _origins(),
    "protect": _one_of(True, False),
    "debounce_seconds": _whole(0, 86_400, optional=True),
    "rollout_seconds": _whole(0, 86_400, optional=True),
    "features_engine": _one_of(None, *engines.ENGINES),
    "poll_seconds": _whole(1, 300),
    "sweep_minutes": _whole(1, 1440),
    "ingest_timeout_seconds": _whole(30, 900),
    "record_window_seconds": _whole(1, 300),
    "log_retention_days": _one_of(*LOG_RETENTION_DAYS),
    "requests_per_second": _whole(1, MAX_RATE),
    "burst": _whole(1, MAX_BURST),
    "throttles": _throttles(),
    "predict_reserved_concurrency": _whole(1, 10_000, optional=True),
    "alarm_email": _text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "github_repository": _text(
        r"[\w.-]+/[\w.-]+|[\w.-]+@\d+/[\w.-]+@\d+",
        "owner/name of a GitHub repository, or owner@id/name@id with the numbers of both",
    ),
    "github_branch": _text(r"[\w./-]+", "name of a branch", optional=False),
    "github_provider": _one_of("create", "existing"),
    "model_stacks": _whole(1, 20),
    "verify": _one_of(True, False),
}
