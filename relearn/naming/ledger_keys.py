"""Keys of the ledger's items: what partition and sort keys start with, and the attribute that ends an item."""

from __future__ import annotations

MODEL = "MODEL#"
"""Start of the partition keys of a model's uploads, runs, versions, batches, route and lock; the rest is the model."""
IDEMPOTENCY = "IDEMPOTENCY#"
"""What the partition keys of kept answers start with; the rest is the model."""
EXPIRES_AT = "expires_at"
"""The ledger's attribute that says when an item may be deleted: seconds since 1970."""
LIVE = "LIVE#"
"""What the partition keys of what is counted while a candidate is tried start with; the rest is the model."""
FORMS = "FORM#"
"""What the partition keys of uploads' forms start with; the rest is the model."""

ROUTE = "ROUTE"
"""Sort key of a model's route."""
ROUTE_WRITES = "ROUTE#"
"""Start of the sort keys of the writes of a route; the rest is the revision, so that they sort as it counts."""
RESTORE = "RESTORE"
"""Sort key of the last time that a version had to be deployed again."""
LOCK = "LOCK"
"""Sort key of the item that says which run may change a model."""
UPLOADS = "UPLOAD#"
"""Start of the sort keys of uploads; the rest is the upload's id."""
RUNS = "RUN#"
"""Start of the sort keys of runs; the rest is the run's id."""
VERSIONS = "VERSION#"
"""Start of the sort keys of versions; the rest is the number."""
BATCHES = "BATCH#"
"""Start of the sort keys of batches; the rest is the batch's id."""
LISTS = "LIST#"
"""Start of the sort keys of the parts of a run's long lists; the rest is the digest of the part."""


def partition(model: str) -> str:
    """Give the partition key of a model's uploads, runs, versions, batches, route and lock."""
    return f"{MODEL}{model}"


def upload(upload_id: str) -> str:
    """Give the sort key of an upload."""
    return f"{UPLOADS}{upload_id}"


def run(run_id: str) -> str:
    """Give the sort key of a run."""
    return f"{RUNS}{run_id}"


def version(number: int) -> str:
    """Give the sort key of a version."""
    return f"{VERSIONS}{number}"


def route_write(revision: int) -> str:
    """Give the sort key of one write of the route."""
    return f"{ROUTE_WRITES}{revision:09d}"


def batch(batch_id: str) -> str:
    """Give the sort key of a batch."""
    return f"{BATCHES}{batch_id}"
