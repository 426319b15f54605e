"""Tokens of OIDC providers that a role is assumed with."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito, iam, sts

GITHUB = "token.actions.githubusercontent.com"
CLAIMS = (
    "actor",
    "actor_id",
    "job_workflow_ref",
    "repository",
    "repository_id",
    "workflow",
    "ref",
    "environment",
    "enterprise_id",
)
"""Claims of GitHub's tokens that STS knows as condition keys."""
_DEFAULT_SECONDS = 3600


def know_the_claims_of_github() -> None:
    """Offer more claims of GitHub's tokens to the conditions of a trust policy.

    MiniStack offers ``aud``, ``sub`` and ``amr``. STS offers these too: "AWS STS now supports validation of select
    identity provider specific claims", January 2026.
    """
    known = sts._web_identity_principal  # noqa: SLF001 - it has no public name

    def with_githubs(token: str, *rest: Any) -> tuple[str, dict[str, Any]]:
        principal, keys = known(token, *rest)
        if f"{GITHUB}:sub" not in keys:
            return principal, keys
        claims = cognito._decode_id_token_unverified(token)  # noqa: SLF001
        return principal, keys | {f"{GITHUB}:{name}": claims[name] for name in CLAIMS if name in claims}

    sts._web_identity_principal = with_githubs  # noqa: SLF001


def refuse_sessions_that_are_too_long() -> None:
    """Refuse a session that is longer than the role allows, as AssumeRoleWithWebIdentity does.

    MiniStack gives any duration.
    """
    denied = sts._web_identity_trust_denied  # noqa: SLF001

    def denied_or_too_long(role_arn: str, params: dict[str, Any], use_json: bool) -> Any:  # noqa: FBT001 - its signature
        refused = denied(role_arn, params, use_json)
        if refused:
            return refused
        role = iam._roles.get_scoped(role_arn.split(":")[4], None, role_arn.rsplit("/", 1)[-1])  # noqa: SLF001
        asked = int(sts._p(params, "DurationSeconds") or _DEFAULT_SECONDS)  # noqa: SLF001
        if asked <= int(role.get("MaxSessionDuration") or _DEFAULT_SECONDS):
            return None
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        if use_json:
            return error_response_json("ValidationError", message, 400)
        return sts._error(400, "ValidationError", message, ns="sts")  # noqa: SLF001

    sts._web_identity_trust_denied = denied_or_too_long  # noqa: SLF001
