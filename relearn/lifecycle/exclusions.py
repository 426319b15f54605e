"""Uploads that a person takes out of training, because the rows are wrong and every check let them pass.

As a retry (`relearn.lifecycle.retries`) it is a message in the ingest queue: whoever asks needs to send there and nothing else. An
excluded upload is in no later snapshot; the versions that were trained on it stay until a run without it replaces them.
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
MAX_WHY, MAX_WHO = 500, 200
"""Characters of a reason, and of who gives it, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """What someone asks for.

    Parameters
    ----------
    model, upload_id
        Which upload.
    why, who
        The reason, and who gives it.
    """

    model: str
    upload_id: str
    why: str
    who: str

    @property
    def reason(self) -> str:
        """What the ledger says of the upload."""
        return f"by {self.who[:MAX_WHO] or 'an unnamed caller'}: {self.why[:MAX_WHY]}"


def check(upload: Upload) -> None:
    """Refuse an upload that no snapshot would hold anyway, or that is not decided yet.

    Raises
    ------
    NothingToExcludeError
        Says which state it is in, and what to do.
    """
    if upload.state in (UploadState.ACCEPTED, UploadState.TRAINED):
        return
    name = f"upload {upload.upload_id[:12]} of {upload.model} is {upload.state}"
    if upload.state is UploadState.RECEIVED:
        raise NothingToExcludeError(f"{name}: it is being checked; exclude it when it is ACCEPTED")
    raise NothingToExcludeError(f"{name}: it is in no later snapshot already")


def message(asked: Exclusion) -> dict[str, Any]:
    """Write the message that has an upload excluded."""
    detail = {
        "model": asked.model,
        "upload_id": asked.upload_id,
        "why": asked.why[:MAX_WHY],
        "who": asked.who[:MAX_WHO],
    }
    return {"source": SOURCE, "detail-type": ASKED, "detail": detail}


def parse_detail(detail: Mapping[str, Any]) -> Exclusion:
    """Read a message's detail."""
    return Exclusion(**{name: str(detail[name]) for name in ("model", "upload_id", "why", "who")})
