"""What several parts let their scenes begin with."""

from __future__ import annotations

import itertools

from tests.e2e.privilege.ledger import Book, Item
from tests.e2e.privilege.parts.steps import OLD

ERROR = {"Error": "States.TaskFailed", "Cause": "a scene of the least-privilege test"}
_seconds = itertools.count()


def pending(book: Book, model: str) -> Item:
    """Write one more upload of a model that waits for a run."""
    like = book.of(model, "UPLOAD#")[0]
    changes = {"sk": "UPLOAD#waiting", "upload_id": "waiting", "key": f"incoming/{model}/waiting.csv"}
    return {**like, **changes, "state": "ACCEPTED", "run_id": "", "times": {}}


def locked(book: Book, model: str) -> Item:
    """Write the lock of a model as held by its first run, which has ended."""
    (run, *_) = book.of(model, "RUN#")
    return {"pk": run["pk"], "sk": "LOCK", "run_id": run["run_id"], "taken_at": run["started_at"]}


def restoring(model: str) -> Item:
    """Write the record of a version that is being deployed again, another each time."""
    return {
        "pk": f"MODEL#{model}",
        "sk": "RESTORE",
        "version": OLD,
        "state": "RESTORING",
        "what": "rolled back",
        "who": "ann",
        "why": "a scene of the least-privilege test",
        "started_at": f"2026-01-01T00:00:{next(_seconds):06.3f}+00:00",
    }
