"""The stage's HTTP API, by its own client, signed with SigV4 when there are credentials."""

from __future__ import annotations

import httpx

from cli.target import Target
from relearn_client import Bearer, Client, Retry, SigV4

DEADLINE_SECONDS = 30
PATIENCE = Retry(max_pause_seconds=3)
"""A person would rather be told to come back than wait longer."""


def connect(target: Target) -> Client:
    """Make a client of a target's API."""
    auth = authority(target)
    return Client(target.output("ApiUrl"), auth=auth, deadline_seconds=DEADLINE_SECONDS, retry=PATIENCE)


def authority(target: Target, token: str | None = None) -> httpx.Auth | None:
    """Give what shows whose a request is: a token when there is one, else credentials, if any."""
    if token:
        return Bearer(token)
    credentials = target.session.get_credentials()
    return None if credentials is None else SigV4(region=target.region, credentials=credentials)
