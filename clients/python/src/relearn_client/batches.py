"""What the API answers about batches: whole files to score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from relearn_client.forms import Form
from relearn_client.shapes import Json, Step, moment, pick, steps


@dataclass(frozen=True, slots=True)
class Link:
    """Where a file can be fetched.

    Parameters
    ----------
    url
        Holds all the permission it takes.
    expires_at
        When it is over; the batch, asked for again, has a new one.
    """

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class WrongLine:
    """One wrong value in a file.

    Parameters
    ----------
    line
        Where, from 1.
    pointer
        JSON pointer (RFC 6901) within the line; empty for the whole of it.
    detail
        What is wrong, what was given and what is allowed.
    """

    line: int
    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class BatchBrief:
    """A batch in the list.

    Parameters
    ----------
    model, batch
        Whose it is, and its id.
    state, reason
        ``"WAITING_FOR_FILE"``, ``"RUNNING"``, ``"SUCCEEDED"`` or ``"FAILED"``, and why; the reason may be empty.
    version
        The version that scores it; None until one does.
    rows
        How many; None until they are counted.
    failed
        How many of them have no prediction; None until it succeeded.
    created_at, ended_at
        The latter is None until then.
    """

    model: str
    batch: str
    state: str
    reason: str
    version: int | None
    rows: int | None
    failed: int | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.ended_at is not None

    @classmethod
    def read(cls, data: Json) -> BatchBrief:
        """Read the API's JSON."""
        return pick(cls, _with_times(data))


@dataclass(frozen=True, slots=True)
class Batch(BatchBrief):
    """All about a batch.

    Parameters
    ----------
    states
        The way it went, in order.
    errors
        The first wrong values of a file that breaks the model's spec.
    result
        Where its predictions are, when it SUCCEEDED.
    form
        What its file is sent with; only `create_batch` gives one.
    """

    states: tuple[Step, ...]
    errors: tuple[WrongLine, ...]
    result: Link | None
    form: Form | None

    @classmethod
    def read(cls, data: Json) -> Batch:
        """Read the API's JSON."""
        found = {
            "states": steps(data),
            "errors": tuple(pick(WrongLine, one) for one in data["errors"]),
            "result": data["result"] and pick(Link, _expiring(data["result"])),
            "form": Form.read(data["upload"]) if "upload" in data else None,
        }
        return pick(cls, {**_with_times(data), **found})


def _expiring(data: Mapping[str, Json]) -> dict[str, Json]:
    return {**data, "expires_at": moment(data["expires_at"])}


def _with_times(data: Mapping[str, Json]) -> dict[str, Json]:
    times = {name: moment(data[name]) for name in ("created_at", "ended_at")}
    return {"failed": None, **data, **times}  # an older stage counts none
