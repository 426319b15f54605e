"""Client of the stage's HTTP API, with a token or with SigV4 signatures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import httpx

from cli.stage.target import Target
from relearn.errors import ConfigError, RelearnError
from relearn_client import Bearer, Client, Retry, SigV4, laptop

DEADLINE_SECONDS = 30
PATIENCE = Retry(max_pause_seconds=3)
"""Retries with pauses of at most 3 seconds, because a person is waiting."""


def connect(target: Target) -> Client:
    """Return a client of a target's API."""
    auth = authority(target)
    return Client(target.output("ApiUrl"), auth=auth, deadline_seconds=DEADLINE_SECONDS, retry=PATIENCE)


def authority(target: Target) -> httpx.Auth | None:
    """Return the authentication of requests: a token where the API takes tokens, else SigV4.

    None without credentials.

    Raises
    ------
    ConfigError
        When the API takes tokens, none is given, and the stage is not on a laptop cloud.
    """
    if target.token:
        return Bearer(target.token)
    if target.scope_prefix is not None:
        _issuers_client(target)  # raises here rather than during a request
        return Bearer(partial(laptop_token, target, laptop.SCOPES))
    credentials = target.session.get_credentials()
    return None if credentials is None else SigV4(region=target.region, credentials=credentials)


def laptop_token(target: Target, scopes: Sequence[str], **more: str) -> str:
    """Return a token of the laptop cloud's issuer.

    Parameters
    ----------
    target
        The stage.
    scopes
        Scopes without the stage's prefix.
    **more
        Further fields of the token request.

    Raises
    ------
    ConfigError
        When the stage is not on a laptop cloud.
    RelearnError
        When its API takes signed requests, no tokens.
    """
    if target.scope_prefix is None:
        raise RelearnError("this stage takes signed requests, no tokens: its api_auth is iam")
    return laptop.token(_issuers_client(target), [target.scope_prefix + name for name in scopes], **more)


def _issuers_client(target: Target) -> dict[str, str]:
    if target.token_client is None:
        raise ConfigError("token", None, "a token of the stage's issuer, by --token or RELEARN_TOKEN")
    return target.token_client
