"""The deployed stage: its HTTP API, its buckets and its ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from demo.errors import StoryError
from relearn_client import Client

_NEEDED = ("LedgerTable", "UploadsBucket", "LakeBucket", "ApiUrl")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage on a laptop cloud.

    Parameters
    ----------
    api
        Client of its HTTP API, as the cloud's owner.
    api_url
        Where that answers on this machine.
    s3, dynamodb
        boto3 clients, as the account's administrator.
    uploads, lake
        Names of the buckets of uploads and of what is made of them.
    ledger
        Name of the ledger's table.
    """

    api: Client
    api_url: str
    s3: Any
    dynamodb: Any
    uploads: str
    lake: str
    ledger: str

    @classmethod
    @contextmanager
    def described(cls, info: Path) -> Iterator[Self]:
        """Open the stage that a laptop cloud describes, and close its clients with the block.

        Parameters
        ----------
        info
            The cloud's description.

        Raises
        ------
        StoryError
            The app that is deployed lacks what a story needs.
        """
        about = json.loads(info.read_bytes())
        outputs = about["outputs"]
        if missing := [key for key in _NEEDED if key not in outputs]:
            raise StoryError(
                f"the deployed app has no output {', '.join(missing)}; the story needs them (--no-story goes without)"
            )
        with Client.local(info.absolute()) as api:
            yield cls(
                api=api,
                api_url=about["api_url"],
                s3=_client("s3", about),
                dynamodb=_client("dynamodb", about),
                uploads=outputs["UploadsBucket"],
                lake=outputs["LakeBucket"],
                ledger=outputs["LedgerTable"],
            )


def _client(service: str, about: dict[str, Any]) -> Any:
    connect: Any = boto3.client
    return connect(
        service,
        endpoint_url=about["endpoint_url"],
        region_name=about["region"],
        aws_access_key_id=about["access_key_id"],
        aws_secret_access_key=about["secret_access_key"],
        config=Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=10),
    )
