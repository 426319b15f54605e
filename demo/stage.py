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
        Client of its HTTP API, with the credentials of the cloud's owner.
    api_url
        URL of the HTTP API on this machine.
    s3, dynamodb
        boto3 clients with the administrator's credentials.
    uploads, lake
        Names of the uploads bucket and of the lake bucket.
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
        """Open the stage that a laptop cloud's info file describes.

        Its API client is closed with the context.

        Parameters
        ----------
        info
            The info file.

        Raises
        ------
        StoryError
            When the deployed app lacks an output that the story needs.
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
