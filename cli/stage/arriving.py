"""Uploads whose event has not arrived: objects in S3 that the ledger does not have yet."""

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
"""Age up to which an object's event may be on its way.

Later the sweep finds it, and some objects never become uploads.
"""


def arriving(target: Target, ledger: Ledger, model: str) -> str:
    """Return the key of a recently stored object that is not an upload yet; empty when there is none.

    Empty too when the caller may not list the bucket.

    Parameters
    ----------
    target
        The stage.
    ledger
        Ledger of the stage.
    model
        Name of the model.
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
    """Return the time of an S3 answer, because this machine's clock may be wrong."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)
