"""What the API answers about uploads: files to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from relearn_client.forms import Form
from relearn_client.shapes import Json, Step, moment, pick, steps

_UNCHECKED = frozenset({"WAITING_FOR_FILE", "RECEIVED"})
_ENDS = frozenset({"EXPIRED", "TRAINED", "QUARANTINED", "SUPERSEDED", "FAILED", "EXCLUDED"})


@dataclass(frozen=True, slots=True)
class RejectedValue:
    """What is wrong in a row.

    Parameters
    ----------
    column
        Which value; None for the row as a whole.
    value
        As it was given; None when it is missing or private.
    reason
        In words.
    """

    column: str | None
    value: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that breaks the model's spec.

    Parameters
    ----------
    line
        Where, from 1.
    errors
        Everything that is wrong in it.
    """

    line: int
    errors: tuple[RejectedValue, ...]


@dataclass(frozen=True, slots=True)
class UploadBrief:
    """An upload in the list.

    Parameters
    ----------
    model, upload
        Whose it is, and its id.
    upload_id
        Id of the file that came, as a run names it; None until one has.
    table
        Which of the model's tables it is data of; ``"main"`` when it has one.
    filename
        The file's name.
    state, reason
        ``"WAITING_FOR_FILE"``, ``"RECEIVED"``, ``"ACCEPTED"``, ``"TRAINED"``, or how it ended otherwise, and why; the
        reason may be empty.
    size_bytes
        Of the file; None until it came.
    rows_accepted, rows_rejected
        None until they are counted.
    rows_waiting
        How many of the good ones were dated later than now when they were counted: a run sees each from its time on.
    waits_until
        When the last of them is known; None when there is none.
    known_from
        When the first of its rows is known, if all of them were dated later than now: until then no run uses it; None
        otherwise.
    received_at
        When the file came; None until then.
    run_id
        The run that used it; None when none has.
    replaces
        Id of the file of the same key whose rows it takes the place of, once a run has used it; None when there is none.
    same_as
        Id of an earlier file with the same content: the rows of both count once; None when there is none.
    """

    model: str
    upload: str
    upload_id: str | None
    table: str
    filename: str
    state: str
    reason: str
    size_bytes: int | None
    rows_accepted: int | None
    rows_rejected: int | None
    rows_waiting: int | None
    waits_until: datetime | None
    known_from: datetime | None
    received_at: datetime | None
    run_id: str | None
    replaces: str | None
    same_as: str | None

    @property
    def checked(self) -> bool:
        """Whether its rows were checked, or never will be."""
        return self.state not in _UNCHECKED

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in _ENDS

    @classmethod
    def read(cls, data: Json) -> UploadBrief:
        """Read the API's JSON."""
        return pick(cls, _with_time(data))


@dataclass(frozen=True, slots=True)
class Upload(UploadBrief):
    """All about an upload.

    Parameters
    ----------
    states
        The way it went, in order.
    rejected_rows
        The first rows that break the model's spec.
    form
        What its file is sent with; only `create_upload` gives one.
    """

    states: tuple[Step, ...]
    rejected_rows: tuple[RejectedRow, ...]
    form: Form | None

    @classmethod
    def read(cls, data: Json) -> Upload:
        """Read the API's JSON."""
        found = {
            "states": steps(data),
            "rejected_rows": tuple(map(_rejected, data["rejected_rows"])),
            "form": Form.read(data["form"]) if "form" in data else None,
        }
        return pick(cls, {**_with_time(data), **found})


def _rejected(data: Mapping[str, Json]) -> RejectedRow:
    return RejectedRow(data["line"], tuple(pick(RejectedValue, one) for one in data["errors"]))


def _with_time(data: Mapping[str, Json]) -> dict[str, Json]:
    return {**data, **{name: moment(data[name]) for name in ("received_at", "waits_until", "known_from")}}
