"""Profiles and key values of a snapshot's shards, read from the lake.

Ingest writes both beside every shard. A shard older than that, or than the spec's keys, is profiled on
demand, and the result is stored, so that no shard is read twice.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lambdas.aws.s3.storage import Storage
from preparation.keys import check_keys
from preparation.profile import describe_shard
from relearn.data import profiles
from relearn.data.checks import Keys
from relearn.data.profiles import Profile
from relearn.lifecycle.uploads import Upload
from relearn.naming import s3_keys
from relearn.spec import codec
from relearn.spec.model import ModelSpec

AT_ONCE = 8
"""Objects fetched concurrently."""
LARGEST_PROFILE = 32 * 1024**2
"""Largest profile of one shard, in bytes."""
PARQUET = "application/vnd.apache.parquet"
"""Media type of Parquet files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Profiles, key checks and shard counts of a snapshot, by table.

    Parameters
    ----------
    profiles
        Table to the profile of its rows.
    keys
        Table to the results of its key and reference checks.
    shards
        Table to its number of shards.
    """

    profiles: dict[str, Profile]
    keys: dict[str, Keys]
    shards: dict[str, int]


def gather(
    storage: Storage, lake: str, spec: ModelSpec, uploads: Sequence[Upload], new: set[str]
) -> Evidence:
    """Return the evidence on a snapshot: its merged profiles, key checks and shard counts.

    Parameters
    ----------
    storage, lake
        Object storage, and the name of the lake's bucket.
    spec
        The model's spec.
    uploads
        The uploads of the snapshot.
    new
        Ids of the uploads that no champion was trained on.

    Raises
    ------
    DataError
        A shard or a profile cannot be read.
    """
    store = _ProfileStore(storage, lake, spec)
    with tempfile.TemporaryDirectory(prefix="check-") as name, ThreadPoolExecutor(AT_ONCE) as pool:
        folder = Path(name)
        found = list(pool.map(lambda upload: store.profile(upload, folder), uploads))
        files = list(pool.map(lambda upload: store.keys(upload, folder), uploads))
        kept: dict[bool, dict[str, list[Path]]] = {True: {}, False: {}}
        for upload, file in zip(uploads, files, strict=True):
            if file is not None:
                kept[upload.upload_id in new].setdefault(upload.table, []).append(file)
        keys = check_keys(spec, kept[False], kept[True], folder)
    tables = [upload.table for upload in uploads]
    return Evidence(
        profiles={table: _of(table, uploads, found) for table in spec.table_names},
        keys=keys,
        shards={table: tables.count(table) for table in spec.table_names},
    )


def _of(table: str, uploads: Iterable[Upload], found: Iterable[Profile]) -> Profile:
    return profiles.merge(
        profile for upload, profile in zip(uploads, found, strict=True) if upload.table == table
    )


class _ProfileStore:
    """Profiles of one model's shards in the lake."""

    def __init__(self, storage: Storage, lake: str, spec: ModelSpec) -> None:
        self._storage = storage
        self._lake = lake
        self._spec = spec
        self._there = set(storage.keys(lake, s3_keys.profiles_prefix(spec.name)))

    def profile(self, upload: Upload, folder: Path) -> Profile:
        """Return the profile of a shard; create it when it is missing or lacks the spec's keys."""
        key = s3_keys.profile_key(upload.model, upload.upload_id, upload.table)
        lacks_keys = self._spec.key_columns(upload.table) and self._keys_key(upload) not in self._there
        if key in self._there and not lacks_keys:
            data = json.loads(self._storage.read(self._lake, key, LARGEST_PROFILE))
            profile = profiles.from_dict(data)
            known = set(data.get("keys", ()))
            if profile is not None and known >= set(self._spec.key_columns(upload.table)):
                return profile
        return self._describe(upload, folder)

    def keys(self, upload: Upload, folder: Path) -> Path | None:
        """Fetch the file with the values of a shard's keys; None when its table has no keys."""
        if not self._spec.key_columns(upload.table):
            return None
        file = folder / f"{upload.upload_id}.keys.parquet"
        if not file.exists():
            self._storage.fetch(self._lake, self._keys_key(upload), file)
        return file

    def _describe(self, upload: Upload, folder: Path) -> Profile:
        shard, table = folder / f"{upload.upload_id}.parquet", upload.table
        keys = folder / f"{upload.upload_id}.keys.parquet"
        self._storage.fetch(self._lake, s3_keys.shard_key(upload.model, upload.upload_id, table), shard)
        profile, written = describe_shard(self._spec, table, shard, keys)
        shard.unlink()
        write(self._storage, self._lake, self._spec, upload, (profile, written))
        return profile

    def _keys_key(self, upload: Upload) -> str:
        return s3_keys.keys_key(upload.model, upload.upload_id, upload.table)


def write(
    storage: Storage, lake: str, spec: ModelSpec, upload: Upload, described: tuple[Profile, Path | None]
) -> None:
    """Write the key values of a shard to the lake, then its profile, which confirms that they exist."""
    profile, keys = described
    place = (upload.model, upload.upload_id, upload.table)
    if keys is not None:
        with keys.open("rb") as content:
            storage.write(lake, s3_keys.keys_key(*place), content, PARQUET)
    data = {**profiles.to_dict(profile), "keys": spec.key_columns(upload.table)}
    storage.write(lake, s3_keys.profile_key(*place), codec.canonical_json(data).encode(), "application/json")
