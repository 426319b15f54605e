"""Compute online features: the last known features of every entity, for requests that name an entity.

They come from the same expression as the training features, at one moment: that of the last known row.
"""

# ruff: noqa: S608 - every name in the SQL is ours or the spec's (checked), the path goes through quote()
from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from preparation.rules import quote
from relearn.spec.model import DateTime, ModelSpec
from relearn.spec.tables import AS_OF
from training.features.build import FeatureBuilder, count_rows, last_moment
from training.features.cache import digest
from training.features.column_types import FEATURE_TYPES
from training.features.shards import Shard


@dataclass(frozen=True, slots=True)
class Online:
    """Online features of a snapshot.

    Parameters
    ----------
    rows
        Number of entities.
    sha256
        SHA-256 (hex) of the file.
    as_of
        Moment of the features, ISO 8601.
    """

    rows: int
    sha256: str
    as_of: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data."""
        return asdict(self)


def write_online(builder: FeatureBuilder, shards: Mapping[str, Sequence[Shard]], path: Path) -> Online | None:
    """Compute the features of every entity at the last moment, and write them as JSON Lines.

    Parameters
    ----------
    builder
        Builder for the snapshot.
    shards
        Shards that `FeatureBuilder.shards` returned.
    path
        File to write: one object per entity, ordered by entity, with the entity, ``as_of`` and the columns.

    Returns
    -------
    Online or None
        None when the spec declares no moments, or their table has no row.
    """
    if builder.spec.moments is None or (moment := last_moment(builder.spec, shards)) is None:
        return None
    made = builder.write(shards, moment, "online")
    return export(builder.connection, builder.spec, [made], moment.isoformat(), path)


def export(
    connection: duckdb.DuckDBPyConnection,
    spec: ModelSpec,
    files: Sequence[Path],
    moment: str,
    path: Path,
) -> Online:
    """Write checked features of one moment as JSON Lines, without the target."""
    path.parent.mkdir(parents=True, exist_ok=True)
    paths = ", ".join(quote(str(file)) for file in files)
    values = ", ".join(
        f'{FEATURE_TYPES[type(column)].online(column)} AS "{column.name}"'
        for column in (DateTime(AS_OF), *spec.columns)
    )
    rows = f'SELECT {values} FROM read_parquet([{paths}]) ORDER BY "{spec.entity}"'
    draft = files[0].with_suffix(".jsonl")  # the database may write only to its own folder
    connection.execute(f"COPY ({rows}) TO {quote(str(draft))} (FORMAT json)")
    shutil.move(draft, path)
    return Online(count_rows(connection, files), digest(path), moment)
