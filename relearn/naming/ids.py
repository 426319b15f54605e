"""How runs, batches, forms and uploads are told apart."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

BATCH_ID_LENGTH = 22
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_BATCH_ID = re.compile(r"\d{8}t\d{6}-[0-9a-f]{6}")


def run_id(at: datetime, seed: str) -> str:
    """Make a run id that sorts by time, 22 characters.

    Parameters
    ----------
    at
        When the run was asked for, aware.
    seed
        What told two runs of one second apart; hashed.
    """
    return f"{at.astimezone(UTC):%Y%m%dt%H%M%S}-{hashlib.sha256(seed.encode()).hexdigest()[:6]}"


def batch_id(at: datetime, seed: str) -> str:
    """Make a batch id that sorts by time, `BATCH_ID_LENGTH` characters; made as a run's is."""
    return run_id(at, seed)


def form_id(at: datetime, seed: str) -> str:
    """Make the id of an upload's form, which sorts by time; made as a run's is."""
    return run_id(at, seed)


def upload_id(bucket: str, key: str, version_id: str) -> str:
    """Id of one version of one object: the same event twice is the same upload."""
    return hashlib.sha256(f"{bucket}\n{key}\n{version_id}".encode()).hexdigest()[:32]


def is_upload_id(text: str) -> bool:
    """Tell whether a text has the form of an upload's id; a form's id has not."""
    return _UPLOAD_ID.fullmatch(text) is not None


def is_batch_id(text: str) -> bool:
    """Tell whether a text has the form of a batch's id."""
    return _BATCH_ID.fullmatch(text) is not None
