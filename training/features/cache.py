"""What was made for a moment is kept, and made again only when something it hangs on has changed.

A partition is the rows of one moment, as Parquet. Its name holds two digests: of all that it was made of (the code, the
spec, the moment, the content of every shard that it may see), and of its own bytes, so that a file that was cut
short or altered is no partition. SageMaker keeps the folder beside the jobs (a checkpoint, in its words).
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
MADE_WITH = ("duckdb", "ibis-framework")
SPEC_PARTS = ("columns", "target", "entity", "tables", "moments")


def code_digest(model: Path) -> str:
    """SHA-256 (hex) of the code that makes features: a model's own files but its model.py, and this package."""
    files = [path for path in sorted(model.glob("*.py")) if path.name != "model.py"]
    content = [path.name.encode() + path.read_bytes() for path in (*files, *sorted(ROOM.glob("*.py")))]
    return hashlib.sha256(b"\0".join(content)).hexdigest()


class Cache:
    """The partitions of a model.

    Parameters
    ----------
    folder
        Where they are kept; made when missing.
    spec
        The model's spec.
    code
        `code_digest`.
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
        """SHA-256 (hex) of all that the rows of a moment hang on.

        Parameters
        ----------
        moment
            The ``as_of``.
        shards
            Raw table to the shards of which the moment may see a row.
        """
        seen = {table: sorted(shard.fingerprint for shard in of) for table, of in shards.items()}
        whole = {**self._same, "moment": moment.isoformat(), "shards": seen}
        return hashlib.sha256(canonical_json(whole).encode()).hexdigest()

    def find(self, key: str) -> Path | None:
        """Give a kept partition; None when there is none, or its bytes are not what they were."""
        for path in sorted(self._folder.glob(f"{key}-*.parquet")):
            if path.stem == f"{key}-{digest(path)}":
                return path
        return None

    def keep(self, key: str, made: Path) -> Path:
        """Keep a partition; another process sees all of it or nothing."""
        path = self._folder / f"{key}-{digest(made)}.parquet"
        draft = path.with_suffix(".draft")
        shutil.copyfile(made, draft)
        draft.rename(path)
        return path


def digest(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
