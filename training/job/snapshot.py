"""Read the shards of a snapshot into train and holdout, encoded as a model sees them.

DuckDB reads the Parquet files and returns only the columns that are needed. For a model with several raw
tables the features are computed first, and then read as if they were the shards of a model with one table.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from preparation.rules import expression, sql_type
from relearn.errors import DataError
from relearn.naming import s3_keys
from relearn.spec.model import Category, Column, ModelSpec
from relearn.spec.tables import LINE, MAIN
from scoring.encode import Array, from_table, seen, source
from training import catalog
from training.data import row_keys, split, views
from training.data.dataset import MOST_UPLOADS, Dataset, Repeats, Table, learnt
from training.data.learnt import Learner
from training.data.row_keys import Keys
from training.data.split import SIDE, Division
from training.data.views import View
from training.data.window import Examined
from training.fitting import choice

if TYPE_CHECKING:
    from training.features.feature_set import FeatureSet


FILE, PLACE, TIME = "__file", "__place", "__time"  # no column can have these names


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
    learners: Sequence[Learner] = (),
    on_trial: Sequence[str] = (),
) -> Dataset:
    """Read every shard of ``folder`` and divide the rows.

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
    learners
        Versions that the candidate is compared with, the champion first: no row that one of them has learnt
        is held out.
    on_trial
        First characters of the ids of new uploads, which are read last: a row that is in several uploads counts
        for the earlier one.

    Raises
    ------
    DataError
        There are no rows, a shard does not fit the spec, or a side of the split cannot be used.
    """
    if given is not None:
        from training.features import given as spark  # noqa: PLC0415 - Ibis is for models that use it

        with tempfile.TemporaryDirectory(prefix="features-") as workdir:
            return _of(spec, spark.take(spec, given, Path(workdir), _online(store)), learners, now)
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise DataError("empty", f"the snapshot has no shard: nothing to train {spec.name} on")
    if not spec.tables:
        return _read(spec, in_order(files, on_trial), learners, now)
    return _made(spec, folder, files, store, now or datetime.now(UTC), learners)


def in_order(files: Sequence[Path], on_trial: Sequence[str]) -> list[Path]:
    """Return files with those of new uploads last, else in the given order."""
    new = tuple(on_trial)
    return sorted(files, key=lambda path: path.name.startswith(new) if new else False)


def _made(  # noqa: PLR0917 - what of, where and as of when
    spec: ModelSpec,
    folder: Path,
    files: list[Path],
    store: Store | None,
    now: datetime,
    learners: Sequence[Learner],
) -> Dataset:
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
        return _of(spec, made, learners, now)


def _of(spec: ModelSpec, made: FeatureSet, learners: Sequence[Learner], now: datetime | None) -> Dataset:
    data = _read(spec, list(made.files), learners, now)
    return replace(
        data,
        fingerprint=made.fingerprint,
        shards=sum(counts["shards"] for counts in made.tables.values()),
        tables=made.tables,
        features=made.facts,
        uploads=(),
        train_upload=None,
        holdout_upload=None,
        train_row=None,
        holdout_row=None,
        train_line=None,
        holdout_line=None,
    )


def _online(store: Store | None) -> Path | None:
    return store.folder / s3_keys.online_name(store.run_id) if store else None


def _read(
    spec: ModelSpec, files: list[Path], learners: Sequence[Learner] = (), now: datetime | None = None
) -> Dataset:
    fetched, upload, divided = divide(spec, files, learners, now)
    for column in (*learnt(spec), spec.target):
        _refuse_missing(column, fetched[column.name])
    columns = {one.name: from_table(one, fetched[source(one)]) for one in seen(learnt(spec))}
    target = from_table(spec.target, fetched[spec.target.name])
    values = target.astype(np.float64) if spec.kind == "regression" else target
    rows = Table(columns, values, _times(fetched), _entities(spec, fetched))
    holdout = rows.where(divided.examined)
    names, number = tuple(path.stem for path in files), numbered(upload)
    line = np.ma.getdata(fetched[LINE])
    dataset = Dataset(
        rows.where(divided.train),
        holdout,
        fingerprint(files),
        len(files),
        {MAIN: {"shards": len(files), "rows": len(rows)}},
        repeats=Repeats(
            int(divided.again.sum()),
            _by_upload(names, upload[divided.again]),
            spec.training.duplicates == "drop",
            divided.contradictions,
            divided.not_examined,
            _removed_classes(spec, fetched[spec.target.name]),
        ),
        new=divided.new[divided.examined],
        before=divided.before,
        uploads=names,
        train_upload=upload[divided.train],
        holdout_upload=upload[divided.examined],
        train_row=number[divided.train],
        holdout_row=number[divided.examined],
        train_line=line[divided.train],
        holdout_line=line[divided.examined],
        learnt=divided.learnt,
        views=_views(spec, learners, fetched, divided.examined, holdout),
        aside=rows.where(divided.aside),
        train_unlearnt=divided.unlearnt[divided.train],
        train_unit=divided.unit[divided.train],
        latest=_latest(spec, divided, rows),
    )
    choice.of(spec).refuse_unusable(spec, dataset)
    return dataset


def _views(
    spec: ModelSpec, learners: Sequence[Learner], fetched: Mapping[str, Any], examined: Array, holdout: Table
) -> tuple[View, ...]:
    if spec.kind == "ranking":
        return ()
    return tuple(
        views.of(spec, learner, place, fetched, examined, holdout.columns)
        for place, learner in enumerate(learners)
    )


def numbered(uploads: Array) -> Array:
    """Return the number of each row among those of its upload, from 1, in the order of the rows, shape (rows,)."""
    order = np.argsort(uploads, kind="stable")
    counts = np.bincount(uploads)
    number = np.empty(len(uploads), dtype=np.int64)
    number[order] = np.arange(len(uploads)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return number


def divide(
    spec: ModelSpec, files: Sequence[Path], learners: Sequence[Learner] = (), now: datetime | None = None
) -> tuple[dict[str, Any], Array, Division]:
    """Read shards, or files of features, and divide their rows.

    Returns
    -------
    dict
        Values as DuckDB read them, shape (rows,), by column that is learnt, and the target.
    ndarray
        Place in ``files`` of each row's file, shape (rows,).
    Division
        What becomes of each row.

    Raises
    ------
    DataError
        A file does not fit the spec.
    """
    fetched = _fetch(spec, files, learners)
    upload, side = (np.ma.getdata(fetched.pop(name)) for name in (PLACE, SIDE))
    earlier = [fetched.get(split.earlier_of(place)) for place in range(len(learners))]
    divided = split.divide(
        spec,
        Keys.of(fetched, len(learners)),
        side.astype(bool),
        learners,
        [None if one is None else np.ma.getdata(one) for one in earlier],
        ~_of_removed_classes(spec, fetched[spec.target.name]),
        time=_times(fetched),
        now=now,
    )
    return fetched, upload, divided


def _of_removed_classes(spec: ModelSpec, target: Array) -> Array:
    """Return which rows have a class that the spec no longer has, shape (rows,).

    Ingest accepts no other label, so the spec had it when the row was accepted. Features of tables are made now, by
    code that must know the classes.
    """
    given = np.ma.getmaskarray(target)
    if not isinstance(spec.target, Category) or spec.tables:
        return np.zeros(len(given), bool)
    return ~given & ~np.isin(np.ma.getdata(target).astype(str), spec.classes)


def _removed_classes(spec: ModelSpec, target: Array) -> dict[str, int]:
    """Return the number of rows of each class that the spec no longer has; private ones together."""
    labels = np.ma.getdata(target)[_of_removed_classes(spec, target)].astype(str)
    if spec.target.private:
        return {"(private)": len(labels)} if len(labels) else {}
    return {
        str(label): int(count) for label, count in zip(*np.unique(labels, return_counts=True), strict=True)
    }


def _latest(spec: ModelSpec, divided: Division, rows: Table) -> Examined | None:
    """Return the examined window, with the number of older rows that are examined, by class; private ones together."""
    if divided.latest is None or rows.time is None:
        return divided.latest
    older = rows.target[divided.examined & ~divided.latest.window.holds(rows.time)]
    names = ["(private)"] * len(older) if spec.target.private else older.astype(str).tolist()
    return replace(divided.latest, lost=dict(Counter(sorted(names))))


def _by_upload(names: Sequence[str], uploads: Array) -> dict[str, int]:
    """Return how often each upload, given by its place in ``names``, occurs; the most frequent ones, most first."""
    counts = np.bincount(uploads, minlength=len(names))
    most = np.argsort(-counts, kind="stable")[:MOST_UPLOADS]
    return {names[place]: int(counts[place]) for place in most if counts[place]}


def fingerprint(files: list[Path]) -> str:
    """Return the SHA-256 (hex) of the content of ``files``, independent of their names and order."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def _fetch(spec: ModelSpec, files: Sequence[Path], learners: Sequence[Learner] = ()) -> dict[str, Any]:
    """Return the columns that are learnt, the hashes, sides and lines of the rows, and the place of each row's file."""
    paths = [str(path) for path in files]
    shards = f"read_parquet($paths, union_by_name = true, filename = '{FILE}')"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            described = connection.execute(f"SELECT * FROM {shards} LIMIT 0", {"paths": paths}).description  # noqa: S608 - our own
            there = {column[0] for column in described or ()}
            read = {column.name: expression(column) for column in (*learnt(spec), spec.target)}
            read |= row_keys.expressions(spec, learners, there) | split.earlier_sides(spec, learners)
            read |= views.expressions(spec, learners)
            read |= {SIDE: split.side_expression(spec, there), FILE: f"hash({FILE})"}
            read[LINE] = f"CAST({f'coalesce({LINE}, 0)' if LINE in there else '0'} AS BIGINT)"
            if spec.row_time is not None:
                read[TIME] = f'epoch_us("{spec.row_time}")'
            chosen = ", ".join(f'{value} AS "{name}"' for name, value in read.items())
            source = ", ".join(["*", *(_absent(column) for column in spec.made if column.name not in there)])
            fetched: dict[str, Any] = connection.execute(
                f"SELECT {chosen} FROM (SELECT {source} FROM {shards}){split.order_expression(spec)}",  # noqa: S608 - names match NAME_PATTERN
                {"paths": paths},
            ).fetchnumpy()
            hashed = connection.execute("SELECT hash(unnest($paths)) AS found", {"paths": paths}).fetchnumpy()
        except duckdb.Error as error:
            detail = str(error).splitlines()[0]
            raise DataError("format", f"the shards do not fit the spec of {spec.name}: {detail}") from error
    order = np.argsort(hashed["found"])
    places = np.searchsorted(hashed["found"][order], fetched.pop(FILE))
    return dict(fetched) | {PLACE: order[places]}


def _times(fetched: Mapping[str, Any]) -> Array | None:
    """Return the time of each row, shape (rows,), ``datetime64[us]``; None where the query has none."""
    found = fetched.get(TIME)
    return None if found is None else np.ma.getdata(found).astype("datetime64[us]")


def _entities(spec: ModelSpec, fetched: Mapping[str, Any]) -> Array | None:
    """Return the number of each row's entity, shape (rows,); None where there is none, and for a ranking."""
    if spec.entity is None or spec.kind == "ranking":
        return None
    hashes = np.ma.asarray(fetched[row_keys.ENTITY])
    found = np.unique(np.ma.getdata(hashes), return_inverse=True)[1].astype(np.int64)
    return np.where(np.ma.getmaskarray(hashes), len(found) + np.arange(len(found)), found)


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
