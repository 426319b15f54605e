"""Exclusion of uploads from training, on the request of a person: for wrong rows that every check accepted.

Like a retry (`relearn.lifecycle.retries`), an exclusion is a message in the ingest queue, so the caller needs
permission to send there and nothing else. An excluded upload is in no later snapshot. Versions that were
trained on it stay until a run without it replaces them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relearn.errors import NothingToExcludeError
from relearn.lifecycle.uploads import Upload, UploadState

ASKED = "Relearn Exclusion Asked"
"""``detail-type`` of the message."""
SOURCE = "relearn.exclusion"
"""``source`` of the message."""
MAX_WHY, MAX_WHO = 500, 200
"""Maximum length of a reason, and of the name of its author, in characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """Request to exclude an upload.

    Parameters
    ----------
    model, upload_id
        Model, and id of the upload.
    why, who
        Reason, and its author; ``who`` may be empty.
    """

    model: str
    upload_id: str
    why: str
    who: str

    @property
    def reason(self) -> str:
        """Reason that the ledger keeps with the upload."""
        return f"by {self.who[:MAX_WHO] or 'an unnamed caller'}: {self.why[:MAX_WHY]}"


def check(upload: Upload) -> None:
    """Refuse to exclude an upload that is not decided yet, or that no later snapshot would hold anyway.

    Raises
    ------
    NothingToExcludeError
        The upload is neither ACCEPTED nor TRAINED; the message has its state and what to do.
    """
    if upload.state in (UploadState.ACCEPTED, UploadState.TRAINED):
        return
    name = f"upload {upload.upload_id[:12]} of {upload.model} is {upload.state}"
    if upload.state is UploadState.RECEIVED:
        raise NothingToExcludeError(f"{name}: it is being checked; exclude it when it is ACCEPTED")
    raise NothingToExcludeError(f"{name}: it is in no later snapshot already")


def message(asked: Exclusion) -> dict[str, Any]:
    """Return the message that excludes an upload."""
    detail = {
        "model": asked.model,
        "upload_id": asked.upload_id,
        "why": asked.why[:MAX_WHY],
        "who": asked.who[:MAX_WHO],
    }
    return {"source": SOURCE, "detail-type": ASKED, "detail": detail}


def parse_detail(detail: Mapping[str, Any]) -> Exclusion:
    """Read the detail of a message that `message` wrote."""
    return Exclusion(**{name: str(detail[name]) for name in ("model", "upload_id", "why", "who")})
