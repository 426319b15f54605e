"""The stage's HTTP API, by its own client, with a token, or signed with SigV4 when there are credentials."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import httpx

from cli.stage.target import Target
from relearn.errors import ConfigError, RelearnError
from relearn_client import Bearer, Client, Retry, SigV4, laptop

DEADLINE_SECONDS = 30
PATIENCE = Retry(max_pause_seconds=3)
"""A person would rather be told to come back than wait longer."""


def connect(target: Target) -> Client:
    """Make a client of a target's API."""
    auth = authority(target)
    return Client(target.output("ApiUrl"), auth=auth, deadline_seconds=DEADLINE_SECONDS, retry=PATIENCE)


def authority(target: Target) -> httpx.Auth | None:
    """Give what shows whose a request is: a token where the API takes tokens, else credentials, if any.

    Raises
    ------
    ConfigError
        A token is needed and not given.
    """
    if target.token:
        return Bearer(target.token)
    if target.scope_prefix is not None:
        _issuers_client(target)  # told at once, not in the midst of a request
        return Bearer(partial(laptop_token, target, laptop.SCOPES))
    credentials = target.session.get_credentials()
    return None if credentials is None else SigV4(region=target.region, credentials=credentials)


def laptop_token(target: Target, scopes: Sequence[str], **more: str) -> str:
    """Get a token of the laptop cloud's issuer; scopes are without the stage's prefix.

    Raises
    ------
    ConfigError
        The stage is not the laptop's.
    RelearnError
        It takes no tokens.
    """
    if target.scope_prefix is None:
        raise RelearnError("this stage takes signed requests, no tokens: its api_auth is iam")
    return laptop.token(_issuers_client(target), [target.scope_prefix + name for name in scopes], **more)


def _issuers_client(target: Target) -> dict[str, str]:
    if target.token_client is None:
        raise ConfigError("token", None, "a token of the stage's issuer, by --token or RELEARN_TOKEN")
    return target.token_client
