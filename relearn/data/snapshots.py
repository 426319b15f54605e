"""Which uploads a run trains on: one version per object, and the manifest that says so."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from relearn.errors import DataError
from relearn.lifecycle.uploads import Upload, UploadState, content, known, newer
from relearn.naming import s3_keys
from relearn.spec.codec import canonical_json

MAX_SHARDS = 20_000
"""Shards of one snapshot at most: the steps of a run write or read something of each, one after the other, and have time for these."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run would train on now.

    Parameters
    ----------
    snapshot
        Ids of the chosen uploads, in the order they were received; of those with the same content the first.
    new
        Of the chosen uploads those that are pending.
    superseded
        Id of an upload that is not chosen to the id of the newer version of its object.
    lacking
        The tables that have no chosen upload: with one of them empty there is nothing to train on.
    """

    snapshot: tuple[str, ...]
    new: tuple[str, ...]
    superseded: dict[str, str]
    lacking: tuple[str, ...] = ()


def select(uploads: Iterable[Upload], tables: Sequence[str], now: datetime) -> Selection:
    """Choose the newest usable version of every object; while all rows of one wait for their time, the one before it.

    Parameters
    ----------
    uploads
        Uploads of one model; those that are neither ACCEPTED nor TRAINED are passed over, and those of
        a table that the spec no longer has.
    tables
        Names of the model's raw tables.
    now
        The run's clock, aware: an upload of which it knows no row is not chosen.

    Raises
    ------
    DataError
        More than `MAX_SHARDS` are chosen (code ``too_many_uploads``).
    """
    usable = of_tables(
        (upload for upload in uploads if upload.state in (UploadState.ACCEPTED, UploadState.TRAINED)), tables
    )
    chosen = newest(known(usable, now))
    if len(chosen) > MAX_SHARDS:
        raise DataError(
            "too_many_uploads", f"{len(chosen)} uploads; allowed: {MAX_SHARDS}; upload fewer, larger files"
        )
    ordered = sorted(chosen.values(), key=lambda upload: (upload.received_at, upload.upload_id))
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
    )


def _each_once(ordered: Iterable[Upload]) -> list[Upload]:
    """Leave out the uploads that repeat the content of one before them: its rows would count twice."""
    kept: dict[object, Upload] = {}
    for upload in ordered:
        kept.setdefault(content(upload) or upload.upload_id, upload)
    return list(kept.values())


def newest(uploads: Iterable[Upload]) -> dict[tuple[str, str], Upload]:
    """Give the newest version of every object, by its table and key."""
    chosen: dict[tuple[str, str], Upload] = {}
    for upload in uploads:
        place = (upload.table, upload.key)
        chosen[place] = newer(chosen[place], upload) if place in chosen else upload
    return chosen


def of_other_targets(uploads: Iterable[Upload], predicts: str) -> dict[str, str]:
    """Tell apart the uploads of a model that predicted something else when they were accepted.

    Parameters
    ----------
    uploads
        Uploads of one model.
    predicts
        What it predicts now.

    Returns
    -------
    dict
        Id of each such upload to why no snapshot holds it.
    """
    return {
        upload.upload_id: f"its rows were accepted for {upload.predicts}, and the model predicts {predicts or 'from tables'} now: "
        "upload data that has it"
        for upload in uploads
        if upload.predicts and upload.predicts != predicts
    }


def lacking(uploads: Iterable[Upload], tables: Sequence[str]) -> tuple[str, ...]:
    """Name the tables that none of the uploads is of, in their order."""
    there = {upload.table for upload in uploads}
    return tuple(table for table in tables if table not in there)


def of_tables(uploads: Iterable[Upload], tables: Collection[str]) -> list[Upload]:
    """Keep the uploads of these tables."""
    return [upload for upload in uploads if upload.table in tables]


def manifest(prefix_uri: str, snapshot: Sequence[str], uploads: Iterable[Upload]) -> list[object]:
    """Write a snapshot as the manifest SageMaker reads.

    SageMaker keeps the folders of the keys, so the job finds each shard in a folder named after its table.

    Parameters
    ----------
    prefix_uri
        S3 URI that the shards of all tables start with.
    snapshot
        Ids of uploads, in order.
    uploads
        The uploads of the model: they know their tables.
    """
    tables = {upload.upload_id: upload.table for upload in uploads}
    return [{"prefix": prefix_uri}, *(s3_keys.shard_name(upload, tables[upload]) for upload in snapshot)]


def digest(snapshot: Sequence[str]) -> str:
    """SHA-256 (hex) of what a run trains on: equal for equal ids in equal order."""
    return hashlib.sha256(canonical_json(list(snapshot)).encode()).hexdigest()
