"""AssumeRole: who may assume a role, how long its credentials last, and what comes after their end."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id
from ministack.core.router import extract_access_key_id
from ministack.services import iam, sts

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTION = "sts:AssumeRole"
SHORTEST_SECONDS, LONGEST_SECONDS = 900, 43_200
CHAINED_SECONDS = 3600
"""Longest session of a role that a role's session assumed."""
_DEFAULT_SECONDS = 3600
_REMEMBERED_SECONDS = 86_400
_OK = 200


def let_a_trust_policy_suffice() -> None:
    """Let a role of the account assume another whose trust policy names it.

    MiniStack requires a permission of the caller too. AWS does not: "When a resource-based policy grants access to a
    principal in the same account, no additional identity-based policy is required" (AWS STS API Reference, AssumeRole).
    The conditions of the trust policy are judged by AssumeRole itself.
    """
    enforce = iam_evaluator.enforce

    def enforced(key: str, action: str, *rest: Any, **more: Any) -> Any:
        found = enforce(key, action, *rest, **more)
        implicitly = isinstance(found, iam_evaluator.EvalResult) and found.decision == "ImplicitDeny"
        if not implicitly or action != ACTION:
            return found
        return None if _is_named(key, more.get("resource_arn") or rest[2]) else found

    iam_evaluator.enforce = enforced


def limit_sessions() -> None:
    """Refuse an AssumeRole whose session would be shorter or longer than AWS gives.

    MiniStack gives any duration. AWS gives 900 seconds to the MaxSessionDuration of the role, and at most an hour to a
    role's session that assumes another role (AWS STS API Reference, AssumeRole, ``DurationSeconds``).
    """
    handle = app.SERVICE_HANDLERS["sts"]

    async def limited(method: str, path: str, headers: Mapping[str, str], body: bytes, query: Any) -> Any:
        asked = _asked(headers, body, query)
        if asked.get("Action") != ACTION.partition(":")[2]:
            return await handle(method, path, headers, body, query)
        seconds = int(asked.get("DurationSeconds") or _DEFAULT_SECONDS)
        if message := _out_of_range(seconds):
            return _invalid(message, headers)
        answer = await handle(method, path, headers, body, query)
        message = _too_long(seconds, asked.get("RoleArn", ""), extract_access_key_id(headers, query) or "")
        return _invalid(message, headers) if answer[0] == _OK and message else answer

    app.SERVICE_HANDLERS["sts"] = limited


def remember_ended_sessions() -> None:
    """Keep the credentials of a session for a day after its end.

    MiniStack forgets them when it gives others, and then answers that the access key does not exist. S3 answers
    ExpiredToken (Amazon S3 API Reference, "Error Responses").
    """

    def evict() -> None:
        before = time.time() - _REMEMBERED_SECONDS
        for key in [key for key, one in sts._sessions.items() if one.get("Expiration", before) < before]:
            del sts._sessions[key]

    sts._evict_expired_sessions = evict


def _is_named(key: str, role_arn: str) -> bool:
    """Whether the trust policy of a role names the role whose session signs with this key."""
    role = iam._roles.get(role_arn.rpartition("/")[2])
    caller = iam_evaluator.resolve_principal(key, get_account_id())
    if role is None or not isinstance(caller, iam_evaluator.PrincipalInfo) or caller.limits:
        return False
    trust = role["AssumeRolePolicyDocument"]
    document = json.loads(trust) if isinstance(trust, str) else trust
    named = [_listed(one.get("Principal", {}).get("AWS", [])) for one in document["Statement"]]
    session = caller.arn.partition(":assumed-role/")[2].partition("/")[0]
    return any(arn == f"arn:aws:iam::{get_account_id()}:role/{session}" for arns in named for arn in arns)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _asked(headers: Mapping[str, str], body: bytes, query: Any) -> dict[str, str]:
    """Return the parameters of a call, from the query, the form or the JSON."""
    if "amz-json" in headers.get("content-type", ""):
        found: dict[str, str] = json.loads(body or b"{}")
        return {**found, "Action": headers.get("x-amz-target", "").rpartition(".")[2]}
    given = {**{name: sts._p(query, name) for name in query}, **parse_qs(body.decode(errors="replace"))}
    return {name: value[0] if isinstance(value, list) else value for name, value in given.items()}


def _out_of_range(seconds: int) -> str:
    wrong = {
        f"greater than or equal to {SHORTEST_SECONDS}": seconds < SHORTEST_SECONDS,
        f"less than or equal to {LONGEST_SECONDS}": seconds > LONGEST_SECONDS,
    }
    return next(
        (
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value {bound}"
            for bound, is_wrong in wrong.items()
            if is_wrong
        ),
        "",
    )


def _too_long(seconds: int, role_arn: str, key: str) -> str:
    if seconds > CHAINED_SECONDS and ":assumed-role/" in str(sts._sessions.get(key, {}).get("Arn", "")):
        return "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    role = iam._roles.get(role_arn.rpartition("/")[2]) or {}
    if seconds > int(role.get("MaxSessionDuration") or _DEFAULT_SECONDS):
        return "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    return ""


def _invalid(message: str, headers: Mapping[str, str]) -> Any:
    if "amz-json" in headers.get("content-type", ""):
        return error_response_json("ValidationError", message, 400)
    return sts._error(400, "ValidationError", message, ns="sts")
