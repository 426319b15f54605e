"""Partition and sort keys of the ledger's items, and the attribute of their expiry."""

from __future__ import annotations

MODEL = "MODEL#"
"""Prefix of the partition keys of a model's uploads, runs, versions, batches, route and lock; the model's
name follows."""
IDEMPOTENCY = "IDEMPOTENCY#"
"""Prefix of the partition keys of answers kept for an Idempotency-Key; the model's name follows."""
EXPIRES_AT = "expires_at"
"""Attribute with the time after which an item may be deleted, in seconds since 1970."""
LIVE = "LIVE#"
"""Prefix of the partition keys of statistics of a candidate's rollout; the model's name follows."""
FORMS = "FORM#"
"""Prefix of the partition keys of upload forms; the model's name follows."""

ROUTE = "ROUTE"
"""Sort key of a model's route."""
ROUTE_WRITES = "ROUTE#"
"""Prefix of the sort keys of the writes of a route; the padded revision follows, so that they sort by it."""
RESTORE = "RESTORE"
"""Sort key of the last restore of a version."""
LOCK = "LOCK"
"""Sort key of the item that names the run which may change a model."""
UPLOADS = "UPLOAD#"
"""Prefix of the sort keys of uploads; the upload's id follows."""
RUNS = "RUN#"
"""Prefix of the sort keys of runs; the run's id follows."""
VERSIONS = "VERSION#"
"""Prefix of the sort keys of versions; the version number follows."""
BATCHES = "BATCH#"
"""Prefix of the sort keys of batches; the batch's id follows."""
LISTS = "LIST#"
"""Prefix of the sort keys of the parts of a run's long lists; the digest of the part follows."""


def partition(model: str) -> str:
    """Return the partition key of a model's uploads, runs, versions, batches, route and lock."""
    return f"{MODEL}{model}"


def upload(upload_id: str) -> str:
    """Return the sort key of an upload."""
    return f"{UPLOADS}{upload_id}"


def run(run_id: str) -> str:
    """Return the sort key of a run."""
    return f"{RUNS}{run_id}"


def version(number: int) -> str:
    """Return the sort key of a version."""
    return f"{VERSIONS}{number}"


def route_write(revision: int) -> str:
    """Return the sort key of one write of the route."""
    return f"{ROUTE_WRITES}{revision:09d}"


def batch(batch_id: str) -> str:
    """Return the sort key of a batch."""
    return f"{BATCHES}{batch_id}"
