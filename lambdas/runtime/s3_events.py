"""Events in the form of EventBridge, which the sweep and ingest send themselves."""

from __future__ import annotations

from typing import Any

from lambdas.aws.s3.storage import StoredVersion
from relearn.lifecycle.uploads import Upload

OBJECT_CREATED = "Object Created"
"""EventBridge's detail type of a new object version."""
BATCH_RUNS = "Batch Runs"
"""Detail type of the sweep's request to look at a running batch."""


def object_created(bucket: str, version: StoredVersion, **more: str) -> dict[str, Any]:
    """Return the ``Object Created`` event of a stored version.

    Parameters
    ----------
    bucket
        Name of the bucket.
    version
        Version of the object, from a listing.
    more
        Further fields of the object, such as ``sequencer``.
    """
    found = {"key": version.key, "size": version.size_bytes, "version-id": version.version_id, **more}
    detail = {"bucket": {"name": bucket}, "object": found, "reason": "sweep"}
    return {"detail-type": OBJECT_CREATED, "source": "relearn.sweep", "detail": detail}


def put_off(bucket: str, upload: Upload, returns: int) -> dict[str, Any]:
    """Return the event that sends a put-off upload to ingest again, for the ``returns``-th time."""
    detail = {**of_upload(bucket, upload), "reason": "put off", "returns": returns}
    return {"detail-type": OBJECT_CREATED, "source": "relearn.ingest", "detail": detail}


def batch_runs(model: str, batch: str) -> dict[str, Any]:
    """Return the event that requests a look at a running batch."""
    detail = {"model": model, "batch": batch}
    return {"detail-type": BATCH_RUNS, "source": "relearn.sweep", "detail": detail}


def of_upload(bucket: str, upload: Upload) -> dict[str, Any]:
    """Return the detail of an upload's ``Object Created`` event."""
    found = {
        "key": upload.key,
        "size": upload.size_bytes,
        "version-id": upload.version_id,
        "sequencer": upload.sequencer,
    }
    return {"bucket": {"name": bucket}, "object": found}
