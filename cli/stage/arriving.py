"""Uploads whose events have not come yet: S3 has the object, and the ledger does not know it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.stage.ledger import Ledger
from cli.stage.target import Target
from relearn.naming import ids, s3_keys

EVENT_LATE = timedelta(minutes=2)
"""For so long an event may be on its way; after that the sweep looks for it, and some objects never make an upload."""


def arriving(target: Target, ledger: Ledger, model: str) -> str:
    """Give the key of an object that was stored just now and is no upload yet; empty when there is none.

    Who may not list the bucket hears of none.

    Parameters
    ----------
    target
        Whose uploads bucket.
    ledger
        Of the same stage.
    model
        Whose uploads.
    """
    bucket = target.output("UploadsBucket")
    try:
        stored = list(_stored_lately(target.client("s3"), bucket, s3_keys.incoming_prefix(model)))
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return ""
    for found in stored:
        upload_id = ids.upload_id(bucket, found["Key"], found["VersionId"])
        if s3_keys.parse_incoming(found["Key"]) is not None and ledger.upload(model, upload_id) is None:
            return str(found["Key"])
    return ""


def _stored_lately(client: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        since = _now(page) - EVENT_LATE
        yield from (found for found in page.get("Versions", []) if found["LastModified"] > since)


def _now(answer: dict[str, Any]) -> datetime:
    """Tell the time as S3 has it: this machine's clock may be wrong."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)
