"""What a file is sent with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from relearn_client.shapes import Json, moment, pick


@dataclass(frozen=True, slots=True)
class Form:
    """What sends one file: all the permission that takes.

    Parameters
    ----------
    url, fields
        Where it is posted to, and the form's other fields.
    max_bytes
        Size of the file at most.
    expires_at
        When S3 takes it no more.
    """

    url: str
    fields: Mapping[str, str]
    max_bytes: int
    expires_at: datetime

    @classmethod
    def read(cls, data: Json) -> Form:
        """Read the API's JSON."""
        return pick(cls, {**data, "expires_at": moment(data["expires_at"])})
