"""Snapshot of a run: the choice of one upload per object, and its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relearn.errors import DataError
from relearn.figures import counted
from relearn.lifecycle.uploads import Upload, UploadState, content, known, newer
from relearn.naming import s3_keys
from relearn.spec.codec import canonical_json

MAX_SHARDS = 20_000
"""Maximum number of shards in one snapshot: steps of a run read or write something for each, one after the
other, within their timeout."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Uploads that a run would train on now.

    Parameters
    ----------
    snapshot
        Ids of the chosen uploads, in the order they were received; of uploads with the same content only the
        first.
    new
        Ids of the chosen uploads that are pending.
    superseded
        Id of an older upload to the id of the newer upload of the same object.
    lacking
        Tables without a chosen upload; while there are any, there is nothing to train on.
    too_old
        Id of each upload that would have been chosen, but for its age, to the reason.
    """

    snapshot: tuple[str, ...]
    new: tuple[str, ...]
    superseded: dict[str, str]
    lacking: tuple[str, ...] = ()
    too_old: dict[str, str] = field(default_factory=dict)


def select(
    uploads: Iterable[Upload],
    tables: Sequence[str],
    now: datetime,
    kept_days: Mapping[str, int] | None = None,
) -> Selection:
    """Choose the newest usable upload of every object.

    An upload whose rows are all dated in the future is not usable yet; until then the one before it is
    chosen.

    Parameters
    ----------
    uploads
        Uploads of one model; uploads in other states than ACCEPTED or TRAINED are ignored, and uploads of
        tables that the spec no longer has.
    tables
        Names of the model's raw tables.
    now
        Start of the run, time-zone aware.
    kept_days
        Raw table to the days for which its uploads are chosen (`relearn.spec.model.ModelSpec.kept_days`); None: no age is
        too great.

    Raises
    ------
    DataError
        More than `MAX_SHARDS` are chosen (code ``too_many_uploads``).
    """
    usable = of_tables(
        (upload for upload in uploads if upload.state in (UploadState.ACCEPTED, UploadState.TRAINED)), tables
    )
    chosen = newest(known(usable, now))
    too_old = _too_old(chosen.values(), kept_days or {}, now)
    young = [upload for upload in chosen.values() if upload.upload_id not in too_old]
    if len(young) > MAX_SHARDS:
        raise DataError(
            "too_many_uploads", f"{len(young)} uploads; allowed: {MAX_SHARDS}; upload fewer, larger files"
        )
    ordered = sorted(young, key=lambda upload: (upload.received_at, upload.upload_id))
    return Selection(
        snapshot=tuple(upload.upload_id for upload in _each_once(ordered)),
        new=tuple(upload.upload_id for upload in ordered if upload.state is UploadState.ACCEPTED),
        superseded={
            upload.upload_id: winner.upload_id
            for upload in usable
            if (winner := chosen.get((upload.table, upload.key), upload)) is not upload
            and newer(winner, upload) is winner
        },
        lacking=lacking(ordered, tables),
        too_old=too_old,
    )


def left_out(upload: Upload, kept_days: Mapping[str, int], now: datetime) -> str:
    """Return why no run that begins now or later trains on an accepted upload: its age; empty when a run would.

    Parameters
    ----------
    upload
        Upload as the ledger has it.
    kept_days
        As of `select`.
    now
        Current time, time-zone aware.
    """
    if upload.state not in (UploadState.ACCEPTED, UploadState.TRAINED):
        return ""
    return _age(upload, kept_days, now)


def _too_old(uploads: Iterable[Upload], kept_days: Mapping[str, int], now: datetime) -> dict[str, str]:
    """Return the ids of the uploads that are older than their table's are kept, each with the reason."""
    ages = {upload.upload_id: _age(upload, kept_days, now) for upload in uploads}
    return {upload: f"{age}, which began on {now:%Y-%m-%d}" for upload, age in ages.items() if age}


def _age(upload: Upload, kept_days: Mapping[str, int], now: datetime) -> str:
    """Describe that an upload is older than its table's are kept; empty when it is not."""
    if (days := kept_days.get(upload.table)) is None:
        return ""
    moment = datetime.fromisoformat(upload.newest or upload.received_at)
    if moment >= now - timedelta(days=days):
        return ""
    what = "its newest row is of" if upload.newest else "it arrived on"
    return (
        f"{what} {moment:%Y-%m-%d}, and Training(keep_days={days}) trains on the {counted(days, 'day')} "
        "before a run"
    )


def _each_once(ordered: Iterable[Upload]) -> list[Upload]:
    """Drop uploads with the content of an earlier one, whose rows would count twice."""
    kept: dict[object, Upload] = {}
    for upload in ordered:
        kept.setdefault(content(upload) or upload.upload_id, upload)
    return list(kept.values())


def newest(uploads: Iterable[Upload]) -> dict[tuple[str, str], Upload]:
    """Return the newest upload of every object, by table and key."""
    chosen: dict[tuple[str, str], Upload] = {}
    for upload in uploads:
        place = (upload.table, upload.key)
        chosen[place] = newer(chosen[place], upload) if place in chosen else upload
    return chosen


def of_other_targets(uploads: Iterable[Upload], predicts: str) -> dict[str, str]:
    """Find the uploads that were accepted when the model predicted something else.

    Parameters
    ----------
    uploads
        Uploads of one model.
    predicts
        What it predicts now (`relearn.spec.model.ModelSpec.predicts`).

    Returns
    -------
    dict
        Id of each such upload to the reason why no snapshot has it.
    """
    return {
        upload.upload_id: f"its rows were accepted for {upload.predicts}, and the model predicts {predicts or 'from tables'} now: "
        "upload data that has it"
        for upload in uploads
        if upload.predicts and upload.predicts != predicts
    }


def lacking(uploads: Iterable[Upload], tables: Sequence[str]) -> tuple[str, ...]:
    """Return the tables without any of the uploads, in order."""
    there = {upload.table for upload in uploads}
    return tuple(table for table in tables if table not in there)


def of_tables(uploads: Iterable[Upload], tables: Collection[str]) -> list[Upload]:
    """Return the uploads of the given tables."""
    return [upload for upload in uploads if upload.table in tables]


def manifest(prefix_uri: str, snapshot: Sequence[str], uploads: Iterable[Upload]) -> list[object]:
    """Return a snapshot as a SageMaker manifest.

    SageMaker keeps the folders of the keys, so the job finds each shard in a folder named after its table.

    Parameters
    ----------
    prefix_uri
        S3 URI prefix of the shards of all tables.
    snapshot
        Ids of uploads, in order.
    uploads
        Uploads of the model, for their tables.
    """
    tables = {upload.upload_id: upload.table for upload in uploads}
    return [{"prefix": prefix_uri}, *(s3_keys.shard_name(upload, tables[upload]) for upload in snapshot)]


def digest(snapshot: Sequence[str]) -> str:
    """Return the SHA-256 (hex) of a snapshot: equal for equal ids in equal order."""
    return hashlib.sha256(canonical_json(list(snapshot)).encode()).hexdigest()
