"""Answers of the API about batches, which are whole files to score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from relearn_client.forms import Form
from relearn_client.shapes import Json, Step, moment, pick, steps


@dataclass(frozen=True, slots=True)
class Link:
    """A presigned link to a file.

    Parameters
    ----------
    url
        URL that grants access by itself.
    expires_at
        Time until which S3 accepts it; requesting the batch again returns a new one.
    """

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class WrongLine:
    """One wrong value in a file.

    Parameters
    ----------
    line
        Line number, from 1.
    pointer
        JSON pointer (RFC 6901) within the line; empty for the whole line.
    detail
        What is wrong, what was given and what is allowed.
    """

    line: int
    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class BatchBrief:
    """A batch as listed.

    Parameters
    ----------
    model, batch
        Name of the model, and id of the batch.
    state, reason
        ``"WAITING_FOR_FILE"``, ``"RUNNING"``, ``"SUCCEEDED"`` or ``"FAILED"``, and the reason, which may be
        empty.
    version
        Version that scores it; None before one does.
    rows
        Number of rows; None until they are counted.
    failed
        Number of rows without a prediction; None until it has succeeded.
    created_at, ended_at
        Times of its creation and end; the latter is None while it has not ended.
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
        """Whether its state is final."""
        return self.ended_at is not None

    @classmethod
    def read(cls, data: Json) -> BatchBrief:
        """Construct from the API's JSON."""
        return pick(cls, _with_times(data))


@dataclass(frozen=True, slots=True)
class Batch(BatchBrief):
    """A batch with all details.

    Parameters
    ----------
    states
        States that it has reached, in order.
    errors
        The first wrong values of a file that does not fit the model's spec.
    result
        Link to its predictions when it has SUCCEEDED, else None.
    form
        Presigned form for its file; only `create_batch` returns one.
    """

    states: tuple[Step, ...]
    errors: tuple[WrongLine, ...]
    result: Link | None
    form: Form | None

    @classmethod
    def read(cls, data: Json) -> Batch:
        """Construct from the API's JSON."""
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
    return {"failed": None, **data, **times}  # older stages do not return it
