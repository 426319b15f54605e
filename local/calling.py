"""Command lines that call the deployed API, with a signature or a token of the cloud's issuer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.cloud import Cloud


def curl(cloud: Cloud, path: str) -> str:
    """Return a curl command line for a GET of `path`, for people to copy."""
    url = f"{cloud.api_url}{path}"
    if _takes_tokens(cloud):
        return f'curl -H "authorization: Bearer $(.venv/bin/relearn --local token)" {url}'
    keys = '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
    return f"curl --aws-sigv4 aws:amz:{cloud.settings.region}:execute-api --user {keys} {url}"


def _takes_tokens(cloud: Cloud) -> bool:
    return cloud.outputs.get("ApiAuth") == "jwt"
