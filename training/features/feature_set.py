"""Making the features of a snapshot in a training job: what is asked for, and what comes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from relearn.spec.model import ModelSpec
from training.features import engine
from training.features.build import FeatureBuilder, FeatureFiles, Features, build
from training.features.cache import Cache, code_digest
from training.features.online import Online, write_online


@dataclass(frozen=True, slots=True)
class Code:
    """The code of a model's features.

    Parameters
    ----------
    features
        The function.
    home
        The model's folder.
    """

    features: Features | None
    home: Path


@dataclass(frozen=True, slots=True)
class Paths:
    """Files and folders that features are made from and written to.

    Parameters
    ----------
    sources
        Folder that the shards are in.
    workdir
        An empty folder for files and for what does not fit into memory.
    cache
        Folder of what earlier runs made; None: nothing is kept.
    online
        The file for what is served by entity; None: it is not made.
    now
        The run's clock, aware.
    """

    sources: Path
    workdir: Path
    cache: Path | None = None
    online: Path | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Features of a snapshot, as a training job reads them.

    Parameters
    ----------
    files
        Parquet: the feature set, as shards would hold it.
    fingerprint
        SHA-256 (hex) of what the shards hold.
    tables
        Raw table to its number of ``shards`` and ``rows``, and of rows that are ``waiting`` for their time.
    facts
        ``rows``, ``sha256``, ``moments`` and ``online`` of the features, JSON-ready.
    """

    files: tuple[Path, ...]
    fingerprint: str
    tables: dict[str, dict[str, int]]
    facts: dict[str, Any]

    @classmethod
    def of(cls, made: FeatureFiles, fingerprints: Sequence[str], online: Online | None) -> FeatureSet:
        """Combine files, fingerprints of the shards, and what is served by entity."""
        facts = {
            "rows": made.rows,
            "sha256": made.sha256,
            "moments": made.moments,
            "online": online and online.as_dict(),
        }
        fingerprint = hashlib.sha256("\n".join(sorted(fingerprints)).encode()).hexdigest()
        return cls(made.files, fingerprint, made.tables, facts)


def make(
    spec: ModelSpec,
    code: Code,
    files: Mapping[str, Sequence[Path]],
    paths: Paths,
    *,
    memory_mb: int = engine.MEMORY_MB,
) -> FeatureSet:
    """Make the features of a snapshot on DuckDB.

    Parameters
    ----------
    spec
        A spec with tables.
    code
        Of its features.
    files
        Raw table to its shards.
    paths
        Files and folders.
    memory_mb
        What DuckDB may hold, in MB.

    Raises
    ------
    DataError
        A table has no shard, or one that does not fit; or the features break the spec.
    SpecError
        ``features`` gives something else than the spec's columns.
    """
    paths = replace(paths, workdir=paths.workdir.resolve(), sources=paths.sources.resolve())
    cache = Cache(paths.cache.resolve(), spec, code_digest(code.home)) if paths.cache else None
    open_to = [paths.sources, *([paths.cache.resolve()] if paths.cache else [])]
    with engine.connect(paths.workdir, open_to, memory_mb) as connection:
        builder = FeatureBuilder(spec, code.features, connection, paths.workdir, paths.now)
        shards = builder.shards(files)
        made = build(builder, shards, cache)
        online = write_online(builder, shards, paths.online) if paths.online else None
    return FeatureSet.of(made, [shard.fingerprint for of in shards.values() for shard in of], online)
