"""Answers of the API about a model's versions and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from relearn_client.shapes import Json, Step, moment, pick, steps


@dataclass(frozen=True, slots=True)
class Approval:
    """The approval that a version needs, and the decision.

    Parameters
    ----------
    state
        ``"WAITING"``, ``"APPROVED"``, ``"REJECTED"`` or ``"EXPIRED"``.
    hours, until
        Time that people have to decide, in hours, and its end.
    who, why, at
        Who decided, the reason and the time; empty, empty and None before the decision. An approval may have
        no reason.
    """

    state: str
    hours: int
    until: datetime
    who: str
    why: str
    at: datetime | None

    @classmethod
    def read(cls, data: Json) -> Approval:
        """Construct from the API's JSON."""
        return pick(cls, {**data, "until": moment(data["until"]), "at": moment(data["at"])})


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model.

    Parameters
    ----------
    version
        Its number.
    state, reason
        State, e.g. ``"LIVE"``, and its reason, which may be empty.
    run_id
        Id of the run that created it.
    metrics
        Its metrics on the holdout.
    approval
        The approval that it needs before its deployment; None when it needs none.
    created_at
        Time of its registration; None when it is not known.
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
        """Construct from the API's JSON."""
        asked = None if data["approval"] is None else Approval.read(data["approval"])
        return pick(cls, {**data, "approval": asked, "created_at": moment(data["created_at"])})


@dataclass(frozen=True, slots=True)
class RunBrief:
    """A run as listed.

    Parameters
    ----------
    run_id
        Its id.
    state, reason
        State, e.g. ``"TRAINING"`` or ``"PROMOTED"``, and its reason, which may be empty.
    started_at, ended_at
        Times of its start and end; None before.
    version
        Version that it registered, if any.
    metrics
        Metrics of the candidate.
    champion_version, champion_metrics
        Version that served when it began, if any, and its metrics on the same holdout.
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
        """Construct from the API's JSON."""
        return pick(cls, _with_times(data))


@dataclass(frozen=True, slots=True)
class Power:
    """Smallest difference between two versions that the evaluation set of a run shows.

    Parameters
    ----------
    rows
        Rows, or entities of a ranking, that are compared.
    smallest
        Smallest true difference in the model's metric that is found 80 % of the time.
    confidence
        One-sided confidence with which it is found.
    planned
        Whether no two versions were compared, so that it is a planning figure.
    """

    rows: int
    smallest: float
    confidence: float
    planned: bool

    @classmethod
    def read(cls, data: Json) -> Power:
        """Construct from the API's JSON."""
        return pick(cls, data)


@dataclass(frozen=True, slots=True)
class Run(RunBrief):
    """A run with all details.

    Parameters
    ----------
    states
        States that it has reached, in order.
    uploads
        Ids of the uploads that were new in it.
    snapshot
        Ids of all uploads that it trained on.
    left_out
        Ids of the uploads that were trained on before and were too old for it.
    rows_waiting
        Raw table to its number of rows dated after the run began, which the run did not use.
    power
        Smallest difference that its evaluation set shows; None before it was judged, and where the metric was undefined.
    """

    states: tuple[Step, ...]
    uploads: tuple[str, ...]
    snapshot: tuple[str, ...]
    left_out: tuple[str, ...]
    rows_waiting: Mapping[str, int]
    power: Power | None

    @classmethod
    def read(cls, data: Json) -> Run:
        """Construct from the API's JSON."""
        lists = {
            "states": steps(data),
            "uploads": tuple(data["uploads"]),
            "snapshot": tuple(data["snapshot"]),
            "left_out": tuple(data.get("left_out", ())),  # a stage of an earlier release has none
        }
        power = data.get("power")  # a stage of an earlier release tells none
        return pick(
            cls, {**_with_times(data), **lists, "power": None if power is None else Power.read(power)}
        )


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of the list of runs, newest first.

    Parameters
    ----------
    runs
        Runs of this page.
    next
        Token of the next page, for ``after``; None on the last page.
    """

    runs: tuple[RunBrief, ...]
    next: str | None

    @classmethod
    def read(cls, data: Json) -> RunPage:
        """Construct from the API's JSON."""
        return cls(tuple(map(RunBrief.read, data["runs"])), data["next"])


def _with_times(data: Mapping[str, Json]) -> dict[str, Json]:
    return {**data, **{name: moment(data[name]) for name in ("started_at", "ended_at")}}
