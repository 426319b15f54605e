"""Read the shards of a snapshot into train and holdout, encoded as a model sees them.

DuckDB reads the Parquet files and returns only the columns that are needed. For a model with several raw
tables the features are computed first, and then read as if they were the shards of a model with one table.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from preparation.rules import expression, sql_type
from relearn.errors import DataError
from relearn.naming import s3_keys
from relearn.spec.model import Column, ModelSpec
from relearn.spec.tables import MAIN
from scoring.encode import Array, from_table, seen, source
from training import catalog
from training.data.dataset import Dataset, Table, learnt
from training.data.split import holdout_expression, order_expression
from training.fitting import choice

if TYPE_CHECKING:
    from training.features.feature_set import FeatureSet


HOLDOUT = "__holdout"  # no column can have this name


"""DuckDB type by column type; VARCHAR for all others."""


@dataclass(frozen=True, slots=True)
class Store:
    """Folder that is kept from one job of a model to the next.

    Parameters
    ----------
    folder
        The kept folder.
    run_id
        Id of the current run.
    """

    folder: Path
    run_id: str


def load(
    spec: ModelSpec,
    folder: Path,
    *,
    store: Store | None = None,
    given: Path | None = None,
    now: datetime | None = None,
) -> Dataset:
    """Read every shard of ``folder`` and split the rows.

    Parameters
    ----------
    spec
        Spec of the model.
    folder
        Folder of the Parquet files, searched recursively.
    store
        Kept folder of features from earlier runs, where new ones are stored; None: nothing is kept.
    given
        Folder of the features that Spark computed from the snapshot; None: compute them here.
    now
        Clock of the run, aware: features ignore rows dated later; None: this machine's clock.

    Raises
    ------
    DataError
        There are no rows, a shard does not fit the spec, or a side of the split cannot be used.
    """
    if given is not None:
        from training.features import given as spark  # noqa: PLC0415 - Ibis is for models that use it

        with tempfile.TemporaryDirectory(prefix="features-") as workdir:
            return _of(spec, spark.take(spec, given, Path(workdir), _online(store)))
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise DataError("empty", f"the snapshot has no shard: nothing to train {spec.name} on")
    return _made(spec, folder, files, store, now or datetime.now(UTC)) if spec.tables else _read(spec, files)


def _made(spec: ModelSpec, folder: Path, files: list[Path], store: Store | None, now: datetime) -> Dataset:
    """Compute the features, and read them as if they were shards."""
    from training.features import feature_set  # noqa: PLC0415 - Ibis is for models that use it
    from training.fitting.fit import Code  # noqa: PLC0415 - which takes the tables of this module

    by_table = {table: [path for path in files if path.parent.name == table] for table in spec.table_names}
    home = catalog.folder(spec.name)
    code = feature_set.Code(Code.of(home).features, home)
    cache = store.folder / "partitions" if store else None
    with tempfile.TemporaryDirectory(prefix="features-") as workdir:
        paths = feature_set.Paths(folder, Path(workdir), cache, _online(store), now)
        made = feature_set.make(spec, code, by_table, paths)
        return _of(spec, made)


def _of(spec: ModelSpec, made: FeatureSet) -> Dataset:
    data = _read(spec, list(made.files))
    return replace(
        data,
        fingerprint=made.fingerprint,
        shards=sum(counts["shards"] for counts in made.tables.values()),
        tables=made.tables,
        features=made.facts,
    )


def _online(store: Store | None) -> Path | None:
    return store.folder / s3_keys.online_name(store.run_id) if store else None


def _read(spec: ModelSpec, files: list[Path]) -> Dataset:
    fetched = _fetch(spec, files)
    side = np.ma.getdata(fetched.pop(HOLDOUT)).astype(bool)
    for column in (*learnt(spec), spec.target):
        _refuse_missing(column, fetched[column.name])
    columns = {one.name: from_table(one, fetched[source(one)]) for one in seen(learnt(spec))}
    target = from_table(spec.target, fetched.pop(spec.target.name))
    rows = Table(columns, target.astype(np.float64) if spec.kind == "regression" else target)
    counts = {MAIN: {"shards": len(files), "rows": len(rows)}}
    dataset = Dataset(rows.where(~side), rows.where(side), fingerprint(files), len(files), counts)

    choice.of(spec).refuse_unusable(spec, dataset)
    return dataset


def fingerprint(files: list[Path]) -> str:
    """Return the SHA-256 (hex) of the content of ``files``, independent of their names and order."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def _fetch(spec: ModelSpec, files: list[Path]) -> dict[str, Any]:
    paths = [str(path) for path in files]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            described = connection.execute(
                "SELECT * FROM read_parquet($paths, union_by_name = true) LIMIT 0", {"paths": paths}
            ).description
            there = {column[0] for column in described or ()}
            chosen = [f'{expression(column)} AS "{column.name}"' for column in (*learnt(spec), spec.target)]
            source = ", ".join(["*", *(_absent(column) for column in spec.made if column.name not in there)])
            return dict(
                connection.execute(
                    f'SELECT {", ".join(chosen)}, {holdout_expression(spec)} AS "{HOLDOUT}" '  # noqa: S608 - names match NAME_PATTERN
                    f"FROM (SELECT {source} FROM read_parquet($paths, union_by_name = true)){order_expression(spec)}",
                    {"paths": paths},
                ).fetchnumpy()
            )
        except duckdb.Error as error:
            detail = str(error).splitlines()[0]
            raise DataError("format", f"the shards do not fit the spec of {spec.name}: {detail}") from error


def _absent(column: Column) -> str:
    # a column that the spec got after every shard was written; _refuse_missing decides whether it is allowed
    return f'CAST(NULL AS {sql_type(column)}) AS "{column.name}"'


def _refuse_missing(column: Column, values: Array) -> None:
    missing = int(np.ma.getmaskarray(values).sum())
    if missing and not column.optional:
        raise DataError(
            "schema",
            f"{missing} of {len(values)} rows have no {column.name}, which the spec demands; declare it "
            "optional, or upload the data again with it",
        )
