"""How the laptop cloud calls its own API: as its administrator, or with a token of its issuer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from local.cloud import Cloud

SCOPES = ("predict", "upload", "operate")


def headers(cloud: Cloud, method: str, url: str, body: bytes | None) -> dict[str, str]:
    """Return the headers that let a request through.

    Parameters
    ----------
    cloud : Cloud
        A deployed laptop cloud.
    method, url, body
        The request; signed as it is.
    """
    if _takes_tokens(cloud):
        prefix = cloud.outputs["ApiScopePrefix"]
        return {"authorization": f"Bearer {cloud.issuer.token(' '.join(prefix + name for name in SCOPES))}"}
    request = AWSRequest(method, url, data=body)
    keys = Credentials(cloud.settings.access_key, cloud.settings.secret_key)
    SigV4Auth(keys, "execute-api", cloud.settings.region).add_auth(request)
    return dict(request.headers)


def curl(cloud: Cloud, path: str) -> str:
    """Return a command line that asks for a path, to be copied."""
    url = f"{cloud.api_url}{path}"
    if _takes_tokens(cloud):
        return f'curl -H "authorization: Bearer $(.venv/bin/relearn --local token)" {url}'
    keys = '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
    return f"curl --aws-sigv4 aws:amz:{cloud.settings.region}:execute-api --user {keys} {url}"


def _takes_tokens(cloud: Cloud) -> bool:
    return cloud.outputs.get("ApiAuth") == "jwt"
