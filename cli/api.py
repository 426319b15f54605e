"""The stage's HTTP API, by its own client, signed with SigV4 when there are credentials."""

from __future__ import annotations

from cli.target import Target
from relearn_client import Client, Retry, SigV4

DEADLINE_SECONDS = 30
PATIENCE = Retry(max_pause_seconds=3)
"""A person would rather be told to come back than wait longer."""


def connect(target: Target) -> Client:
    """Make a client of a target's API."""
    credentials = target.session.get_credentials()
    auth = None if credentials is None else SigV4(region=target.region, credentials=credentials)
    return Client(target.output("ApiUrl"), auth=auth, deadline_seconds=DEADLINE_SECONDS, retry=PATIENCE)
