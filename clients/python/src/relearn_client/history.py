"""How a model came to be, as the API tells it: its versions and its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from relearn_client.shapes import Json, Step, moment, pick, steps


@dataclass(frozen=True, slots=True)
class Approval:
    """What was asked about a version, and what was answered.

    Parameters
    ----------
    state
        ``"WAITING"``, ``"APPROVED"``, ``"REJECTED"`` or ``"EXPIRED"``.
    hours, until
        How long people have to answer, and when that time is over.
    who, why, at
        Who answered, for what reason and when; empty, and None, until then. An approval may have no reason.
    """

    state: str
    hours: int
    until: datetime
    who: str
    why: str
    at: datetime | None

    @classmethod
    def read(cls, data: Json) -> Approval:
        """Read the API's JSON."""
        return pick(cls, {**data, "until": moment(data["until"]), "at": moment(data["at"])})


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model.

    Parameters
    ----------
    version
        Its number.
    state, reason
        Where it stands, e.g. ``"LIVE"``, and why; the reason may be empty.
    run_id
        The run that made it.
    metrics
        On its holdout.
    approval
        Whether someone has to approve it before it is deployed, and did; None: nobody has to.
    created_at
        When it was registered; None when that is not known.
    """

    version: int
    state: str
    reason: str
    run_id: str
    metrics: Mapping[str, float]
    approval: Approval | None
    created_at: datetime | None

    @classmethod
    def read(cls, data: Json) -> Version:
        """Read the API's JSON."""
        asked = None if data["approval"] is None else Approval.read(data["approval"])
        return pick(cls, {**data, "approval": asked, "created_at": moment(data["created_at"])})


@dataclass(frozen=True, slots=True)
class RunBrief:
    """A run in the list.

    Parameters
    ----------
    run_id
        Its name.
    state, reason
        Where it stands, e.g. ``"TRAINING"`` or ``"PROMOTED"``, and why; the reason may be empty.
    started_at, ended_at
        None until then.
    version
        The version that it registered, if any.
    metrics
        The candidate's.
    champion_version, champion_metrics
        The version that served when it began, if any, and its metrics on the same holdout.
    """

    run_id: str
    state: str
    reason: str
    started_at: datetime | None
    ended_at: datetime | None
    version: int | None
    metrics: Mapping[str, float]
    champion_version: int | None
    champion_metrics: Mapping[str, float]

    @classmethod
    def read(cls, data: Json) -> RunBrief:
        """Read the API's JSON."""
        return pick(cls, _with_times(data))


@dataclass(frozen=True, slots=True)
class Run(RunBrief):
    """All about a run.

    Parameters
    ----------
    states
        The way it went, in order.
    uploads
        Ids of the uploads that were new in it.
    snapshot
        Ids of all uploads that it trained on.
    rows_waiting
        Raw table to its rows that are dated later than the run began, which it did not see.
    """

    states: tuple[Step, ...]
    uploads: tuple[str, ...]
    snapshot: tuple[str, ...]
    rows_waiting: Mapping[str, int]

    @classmethod
    def read(cls, data: Json) -> Run:
        """Read the API's JSON."""
        lists = {
            "states": steps(data),
            "uploads": tuple(data["uploads"]),
            "snapshot": tuple(data["snapshot"]),
        }
        return pick(cls, {**_with_times(data), **lists})


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of the list of runs, the newest first.

    Parameters
    ----------
    runs
        On this page.
    next
        Where the next page begins: give it as ``after``; None on the last page.
    """

    runs: tuple[RunBrief, ...]
    next: str | None

    @classmethod
    def read(cls, data: Json) -> RunPage:
        """Read the API's JSON."""
        return cls(tuple(map(RunBrief.read, data["runs"])), data["next"])


def _with_times(data: Mapping[str, Json]) -> dict[str, Json]:
    return {**data, **{name: moment(data[name]) for name in ("started_at", "ended_at")}}
