"""Answers of the API about uploads, which are files to train on."""

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
    """One error in a row.

    Parameters
    ----------
    column
        Column of the wrong value; None for the row as a whole.
    value
        The value as given; None when it is missing or private.
    reason
        Description of the error.
    """

    column: str | None
    value: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that does not fit the model's spec.

    Parameters
    ----------
    line
        Line number, from 1.
    errors
        All errors of the row.
    """

    line: int
    errors: tuple[RejectedValue, ...]


@dataclass(frozen=True, slots=True)
class UploadBrief:
    """An upload as listed.

    Parameters
    ----------
    model, upload
        Name of the model, and id of the upload.
    upload_id
        Id of the received file, as runs name it; None until it is received.
    table
        Table of the model that the data belongs to; ``"main"`` when it has one.
    filename
        Name of the file.
    state, reason
        ``"WAITING_FOR_FILE"``, ``"RECEIVED"``, ``"ACCEPTED"``, ``"TRAINED"``, or another final state, and the
        reason, which may be empty.
    size_bytes
        Size of the file; None until it is received.
    rows_accepted, rows_rejected
        Numbers of accepted and rejected rows; None until they are counted.
    rows_waiting
        Number of accepted rows that were dated in the future when they were counted; a run uses each only
        after its time.
    waits_until
        Time of the last of them; None when there is none.
    known_from
        Time of the first row when all rows were dated in the future, before which no run uses the upload;
        None otherwise.
    received_at
        Time at which the file was received; None until then.
    run_id
        Id of the run that used it, or ended without a decision about it; None when none has.
    replaces
        Id of an earlier file of the same key, whose rows it replaces once a run has used it; None when there
        is none.
    same_as
        Id of an earlier file with the same content, so that the rows count once; None when there is none.
    left_out
        Why no run trains on its accepted rows any more: they are older than the spec keeps. None otherwise.
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
    left_out: str | None

    @property
    def checked(self) -> bool:
        """Whether its rows were checked, or never will be."""
        return self.state not in _UNCHECKED

    @property
    def ended(self) -> bool:
        """Whether its state is final, or a run has ended without a decision about it."""
        return self.state in _ENDS or self.undecided

    @property
    def undecided(self) -> bool:
        """Whether a run with it was rejected without a sure loss by it: it stays, and ``reason`` says why.

        It joins the next run; `relearn retry` has it judged at once.
        """
        return self.state == "ACCEPTED" and self.run_id is not None

    @classmethod
    def read(cls, data: Json) -> UploadBrief:
        """Construct from the API's JSON."""
        return pick(cls, _with_time(data))


@dataclass(frozen=True, slots=True)
class Upload(UploadBrief):
    """An upload with all details.

    Parameters
    ----------
    states
        States that it has reached, in order.
    rejected_rows
        The first rows that do not fit the model's spec.
    form
        Presigned form for its file; only `create_upload` returns one.
    """

    states: tuple[Step, ...]
    rejected_rows: tuple[RejectedRow, ...]
    form: Form | None

    @classmethod
    def read(cls, data: Json) -> Upload:
        """Construct from the API's JSON."""
        found = {
            "states": steps(data),
            "rejected_rows": tuple(map(_rejected, data["rejected_rows"])),
            "form": Form.read(data["form"]) if "form" in data else None,
        }
        return pick(cls, {**_with_time(data), **found})


def _rejected(data: Mapping[str, Json]) -> RejectedRow:
    return RejectedRow(data["line"], tuple(pick(RejectedValue, one) for one in data["errors"]))


def _with_time(data: Mapping[str, Json]) -> dict[str, Json]:
    times = {name: moment(data[name]) for name in ("received_at", "waits_until", "known_from")}
    return {"left_out": None, **data, **times}  # a stage of an earlier release says nothing of it
