"""Cache of feature partitions: a moment is computed again only when something that it depends on has changed.

A partition is the rows of one moment, as Parquet. Its file name has two digests: one of everything that it
depends on (code, spec, moment, content of every shard that it may see), and one of its own bytes, so that a
truncated or altered file is not used. SageMaker keeps the folder between jobs, as a checkpoint.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from relearn.spec.codec import canonical_json, to_dict
from relearn.spec.model import ModelSpec
from training.features.shards import Shard

ROOM = Path(__file__).parent
"""Folder of this package, whose code is part of the digest."""
MADE_WITH = ("duckdb", "ibis-framework")
"""Libraries whose versions a partition depends on."""
SPEC_PARTS = ("columns", "target", "entity", "tables", "moments")
"""Parts of the spec that a partition depends on."""


def code_digest(model: Path) -> str:
    """Return the SHA-256 (hex) of the features' code: the model's files except model.py, and this package."""
    files = [path for path in sorted(model.glob("*.py")) if path.name != "model.py"]
    content = [path.name.encode() + path.read_bytes() for path in (*files, *sorted(ROOM.glob("*.py")))]
    return hashlib.sha256(b"\0".join(content)).hexdigest()


class Cache:
    """Cache of a model's partitions.

    Parameters
    ----------
    folder
        Folder of the partitions; created when missing.
    spec
        Spec of the model.
    code
        Digest from `code_digest`.
    """

    def __init__(self, folder: Path, spec: ModelSpec, code: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        data = to_dict(spec)
        self._same = {
            "code": code,
            "spec": {part: data[part] for part in SPEC_PARTS},
            "libraries": {name: version(name) for name in MADE_WITH},
        }

    def key(self, moment: datetime, shards: Mapping[str, Iterable[Shard]]) -> str:
        """Return the SHA-256 (hex) of everything that the rows of a moment depend on.

        Parameters
        ----------
        moment
            The moment, the ``as_of`` of its rows.
        shards
            Shards that may have a row the moment sees, by raw table.
        """
        seen = {table: sorted(shard.fingerprint for shard in of) for table, of in shards.items()}
        whole = {**self._same, "moment": moment.isoformat(), "shards": seen}
        return hashlib.sha256(canonical_json(whole).encode()).hexdigest()

    def find(self, key: str) -> Path | None:
        """Return the partition of a key; None when there is none, or its bytes have changed."""
        for path in sorted(self._folder.glob(f"{key}-*.parquet")):
            if path.stem == f"{key}-{digest(path)}":
                return path
        return None

    def keep(self, key: str, made: Path) -> Path:
        """Copy a partition to the cache and return its path; the rename makes it appear whole."""
        path = self._folder / f"{key}-{digest(made)}.parquet"
        draft = path.with_suffix(".draft")
        shutil.copyfile(made, draft)
        draft.rename(path)
        return path


def digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
