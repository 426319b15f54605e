"""Presigned forms, with which files are sent to S3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from relearn_client.shapes import Json, moment, pick


@dataclass(frozen=True, slots=True)
class Form:
    """A presigned form for one file, which grants access by itself.

    Parameters
    ----------
    url, fields
        URL to post the form to, and its fields besides the file.
    max_bytes
        Maximum size of the file, in bytes.
    expires_at
        Time until which S3 accepts it.
    """

    url: str
    fields: Mapping[str, str]
    max_bytes: int
    expires_at: datetime

    @classmethod
    def read(cls, data: Json) -> Form:
        """Construct from the API's JSON."""
        return pick(cls, {**data, "expires_at": moment(data["expires_at"])})
