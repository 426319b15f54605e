"""Ids of runs, batches, forms and uploads."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

BATCH_ID_LENGTH = 22
"""Length of a batch id, in characters."""
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_BATCH_ID = re.compile(r"\d{8}t\d{6}-[0-9a-f]{6}")


def run_id(at: datetime, seed: str) -> str:
    """Return a run id of 22 characters that sorts by time.

    Parameters
    ----------
    at
        Time of the request for the run, time-zone aware.
    seed
        Distinguishes runs of the same second; hashed.
    """
    return f"{at.astimezone(UTC):%Y%m%dt%H%M%S}-{hashlib.sha256(seed.encode()).hexdigest()[:6]}"


def batch_id(at: datetime, seed: str) -> str:
    """Return a batch id, `BATCH_ID_LENGTH` characters, that sorts by time; built like a run id."""
    return run_id(at, seed)


def form_id(at: datetime, seed: str) -> str:
    """Return the id of an upload's form, which sorts by time; built like a run id."""
    return run_id(at, seed)


def upload_id(bucket: str, key: str, version_id: str) -> str:
    """Return the id of one version of one object: a repeated event is the same upload."""
    return hashlib.sha256(f"{bucket}\n{key}\n{version_id}".encode()).hexdigest()[:32]


def is_upload_id(text: str) -> bool:
    """Return whether a text has the form of an upload's id, which a form's id does not have."""
    return _UPLOAD_ID.fullmatch(text) is not None


def is_batch_id(text: str) -> bool:
    """Return whether a text has the form of a batch's id."""
    return _BATCH_ID.fullmatch(text) is not None
