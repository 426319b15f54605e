"""Compute the feature set of a snapshot in a training job, with its cache and online features."""

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
    """Code of a model's features.

    Parameters
    ----------
    features
        The function ``features``; None when the features.py has none.
    home
        Folder of the model.
    """

    features: Features | None
    home: Path


@dataclass(frozen=True, slots=True)
class Paths:
    """Input and output files of a feature set, and its clock.

    Parameters
    ----------
    sources
        Folder of the shards.
    workdir
        Empty folder for files and DuckDB's spill files.
    cache
        Folder of the partitions of earlier runs; None: nothing is reused or kept.
    online
        File for the online features; None: they are not computed.
    now
        Clock of the run, aware: rows dated later are ignored.
    """

    sources: Path
    workdir: Path
    cache: Path | None = None
    online: Path | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Feature set of a snapshot, as a training job reads it.

    Parameters
    ----------
    files
        Parquet files with the columns of the feature set, in the types of shards.
    fingerprint
        SHA-256 (hex) of the content of the shards.
    tables
        Counts by raw table: ``shards``, ``rows``, and rows ``waiting`` because they are dated after the
        clock.
    facts
        Facts of the features, JSON-ready: ``rows``, ``sha256``, ``moments`` and ``online``.
    """

    files: tuple[Path, ...]
    fingerprint: str
    tables: dict[str, dict[str, int]]
    facts: dict[str, Any]

    @classmethod
    def of(cls, made: FeatureFiles, fingerprints: Sequence[str], online: Online | None) -> FeatureSet:
        """Combine feature files, fingerprints of the shards and online features."""
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
    """Compute the feature set of a snapshot on DuckDB.

    Parameters
    ----------
    spec
        Spec with tables.
    code
        Code of the model's features.
    files
        Shard files by raw table.
    paths
        Folders and clock.
    memory_mb
        Memory that DuckDB may use, in MB.

    Raises
    ------
    DataError
        A table has no shard, a shard does not fit, or the features break the spec.
    SpecError
        ``features`` is not a function, or does not return the spec's columns.
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
