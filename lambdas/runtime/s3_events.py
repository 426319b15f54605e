"""Events as AWS would have sent them."""

from __future__ import annotations

from typing import Any

from lambdas.aws.s3.storage import StoredVersion
from relearn.lifecycle.uploads import Upload

OBJECT_CREATED = "Object Created"
BATCH_RUNS = "Batch Runs"


def object_created(bucket: str, version: StoredVersion, **more: str) -> dict[str, Any]:
    """Write the event of a stored version.

    Parameters
    ----------
    bucket
        Where it is.
    version
        Version of the object, as a listing shows it.
    more
        What is known beside about the object, e.g. ``sequencer``.
    """
    found = {"key": version.key, "size": version.size_bytes, "version-id": version.version_id, **more}
    detail = {"bucket": {"name": bucket}, "object": found, "reason": "sweep"}
    return {"detail-type": OBJECT_CREATED, "source": "relearn.sweep", "detail": detail}


def put_off(bucket: str, upload: Upload, returns: int) -> dict[str, Any]:
    """Write the event by which an upload that was put off comes again, for the how-manieth time."""
    detail = {**of_upload(bucket, upload), "reason": "put off", "returns": returns}
    return {"detail-type": OBJECT_CREATED, "source": "relearn.ingest", "detail": detail}


def batch_runs(model: str, batch: str) -> dict[str, Any]:
    """Write the event that asks how a batch that runs is."""
    detail = {"model": model, "batch": batch}
    return {"detail-type": BATCH_RUNS, "source": "relearn.sweep", "detail": detail}


def of_upload(bucket: str, upload: Upload) -> dict[str, Any]:
    """Write the detail of the event by which an upload came."""
    found = {
        "key": upload.key,
        "size": upload.size_bytes,
        "version-id": upload.version_id,
        "sequencer": upload.sequencer,
    }
    return {"bucket": {"name": bucket}, "object": found}
