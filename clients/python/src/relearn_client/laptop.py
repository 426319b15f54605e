"""Discovery of the laptop cloud on this machine: its API's URL and the authentication."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from relearn_client.auth import Bearer, SigV4
from relearn_client.errors import CredentialsError, LocalCloudError

LOCAL_FILE = Path(".relearn/local.json")
SCOPES = ("predict", "upload", "operate")


def find(file: Path | str = LOCAL_FILE) -> tuple[str, httpx.Auth | None]:
    """Return the URL of the laptop cloud's API, and the authentication as its owner.

    Parameters
    ----------
    file
        The file that describes the cloud; a relative path is searched in the working directory and its
        parents.

    Raises
    ------
    LocalCloudError
        When there is none, or it cannot be read.
    CredentialsError
        When requests must be signed and botocore is not installed.
    """
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (found := folder / file).is_file():
            try:
                about = json.loads(found.read_text(encoding="utf-8"))
                return str(about["api_url"]), _auth(about)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise LocalCloudError(f"{found} does not describe a laptop cloud: {error!r}") from error
    raise LocalCloudError(f"no {file} here or above: no laptop cloud runs here; start one with make run")


def token(client: Mapping[str, str], scopes: Sequence[str], **more: str) -> str:
    """Return a token of the laptop cloud's issuer.

    Parameters
    ----------
    client
        Credentials and endpoint of the issuer: ``token_client`` of the cloud's file.
    scopes
        Full names of the scopes, e.g. ``relearn/predict``.
    **more
        Further fields of the form: ``audience``, ``expires_in``.

    Raises
    ------
    CredentialsError
        When the issuer does not answer, or refuses.
    """
    form = {name: client[name] for name in ("client_id", "client_secret")}
    form |= {"grant_type": "client_credentials", "scope": " ".join(scopes), **more}
    try:
        answer = httpx.post(client["token_endpoint"], data=form)
        said = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise CredentialsError(f"the laptop cloud's issuer does not answer: {error}") from error
    if answer.is_success and isinstance(said, dict) and "access_token" in said:
        return str(said["access_token"])
    why = said.get("error_description", said.get("error")) if isinstance(said, dict) else answer.status_code
    raise CredentialsError(f"the laptop cloud gives no token: {why}")


def _auth(about: Mapping[str, Any]) -> httpx.Auth | None:
    outputs = about.get("outputs", {})
    if outputs.get("ApiAuth") == "jwt":
        scopes = [outputs["ApiScopePrefix"] + name for name in SCOPES]
        return Bearer(lambda: token(about["token_client"], scopes))
    if "access_key_id" not in about:
        return None
    keys = SimpleNamespace(
        access_key=about["access_key_id"], secret_key=about["secret_access_key"], token=None
    )
    return SigV4(region=about["region"], credentials=SimpleNamespace(get_frozen_credentials=lambda: keys))
