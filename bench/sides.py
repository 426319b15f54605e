"""Compare candidate and champion after a spec got an optional column: on rows that neither has learnt, or on others.

Each trial accepts an upload, trains a champion, adds an optional column to the spec and accepts a second, larger
upload that has it. A candidate that learns from both is better in truth, on fresh rows. The figures are of the
reader of this product, and, for comparison, of a split that hashes all features of the spec of the day.

The last line is one JSON object: ``trials``; ``known_rows_examined``, rows of the evaluation sets that the
champion has learnt; ``frozen_by_a_column``, trials in which the truly better candidate loses;
``drawn_anew_rows_examined`` and ``drawn_anew_frozen``, the same with the other split; ``evaluation_rows``, the
median size of an evaluation set; ``read_cpu_s``, CPU seconds to read and divide ``read_rows`` rows.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from bench import arguments
from preparation import prepare
from relearn.spec.model import Category, Metric, ModelSpec, Number
from scoring.encode import Array
from training.data.dataset import Table
from training.data.learnt import Learner
from training.job import snapshot

FEATURES = ("a", "b", "c", "d")
ADDED = "added"
BEFORE = ModelSpec(
    name="sides",
    title="A model whose spec gets a column",
    columns=tuple(Number(name) for name in FEATURES),
    target=Category("label", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.5),
)
AFTER = replace(BEFORE, columns=(*BEFORE.columns, Number(ADDED, optional=True)))
FRESH = 20_000
"""Rows that the true accuracy is measured on."""


@dataclass(frozen=True)
class Size:
    """Size of a run: trials, rows of the two uploads, and rows whose reading is measured."""

    trials: int
    first: int
    second: int
    read: int


@dataclass(frozen=True)
class Trial:
    """Figures of one trial, of the product's split and of one that is drawn anew with the spec.

    Parameters
    ----------
    learnt_rows
        Rows of the evaluation set that the champion has learnt.
    frozen
        Whether the candidate is better in truth and loses all the same.
    rows
        Size of the evaluation set.
    """

    learnt_rows: int
    frozen: bool
    rows: int


FULL, SMALL = Size(20, 600, 600, 100_000), Size(2, 300, 300, 2_000)


def main() -> int:
    """Run the benchmark; print a table, then its figures as JSON. Return the exit code."""
    size = SMALL if arguments.read(__doc__).small else FULL
    found = figures(size)
    print(f"{'an optional column is added':<34}{'learnt rows examined':>22}{'better ones that lose':>23}")
    print(
        f"{'sides as settled at ingest':<34}{found['known_rows_examined']:>22}{found['frozen_by_a_column']:>23}"
    )
    print(
        f"{'a split by all features':<34}{found['drawn_anew_rows_examined']:>22}{found['drawn_anew_frozen']:>23}"
    )
    print(json.dumps(found))
    return 0


def figures(size: Size) -> dict[str, float]:
    """Return the figures of the last line."""
    trials = [trial(seed, size) for seed in range(size.trials)]
    ours, drawn = zip(*trials, strict=True)
    return {
        "trials": size.trials,
        "known_rows_examined": sum(one.learnt_rows for one in ours),
        "frozen_by_a_column": sum(one.frozen for one in ours),
        "drawn_anew_rows_examined": sum(one.learnt_rows for one in drawn),
        "drawn_anew_frozen": sum(one.frozen for one in drawn),
        "evaluation_rows": int(statistics.median(one.rows for one in ours)),
        "read_rows": size.read,
        "read_cpu_s": round(reading(size.read), 2),
    }


def trial(seed: int, size: Size) -> tuple[Trial, Trial]:
    """Add a column between two uploads; return the figures of our split, and of one that is drawn anew."""
    generator = np.random.default_rng(seed)
    first, second = rows(generator, size.first), rows(generator, size.second)
    fresh = as_table(AFTER, rows(generator, FRESH))
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder)
        accept(lake, BEFORE, first, "1")
        before = snapshot.load(BEFORE, lake / "shards")
        champion = fitted(before.train)
        accept(lake, AFTER, second, "2")
        after = snapshot.load(AFTER, lake / "shards", learners=[Learner(BEFORE, before.learnt)])
    ours = compared(champion, fitted(after.train), after.holdout, fresh, before.train)
    # The champion of a release with such a split was trained on its train side.
    every = after.train.and_also(after.holdout)
    was = before.train.and_also(before.holdout)
    old, new = drawn_anew(was, BEFORE), drawn_anew(every, AFTER)
    learnt = was.where(~old)
    drawn = compared(fitted(learnt), fitted(every.where(~new)), every.where(new), fresh, learnt)
    return ours, drawn


def compared(
    champion: HistGradientBoostingClassifier,
    candidate: HistGradientBoostingClassifier,
    holdout: Table,
    fresh: Table,
    learnt: Table,
) -> Trial:
    """Compare two models on an evaluation set, and in truth."""
    known = {row.tobytes() for row in matrix(learnt, FEATURES)}
    seen = sum(row.tobytes() in known for row in matrix(holdout, FEATURES))
    wins = accuracy(candidate, holdout) >= accuracy(champion, holdout)
    better = accuracy(candidate, fresh) > accuracy(champion, fresh)
    return Trial(seen, bool(better and not wins), len(holdout))


def rows(generator: np.random.Generator, count: int) -> list[dict[str, object]]:
    """Return rows whose label depends on all features, with some noise."""
    values = generator.normal(size=(count, len(FEATURES) + 1)).astype(np.float32)
    score = values[:, 0] + values[:, 1] * values[:, 2] + values[:, 4] + generator.normal(0, 0.7, count)
    return [
        {**dict(zip((*FEATURES, ADDED), map(float, row), strict=True)), "label": "yes" if high else "no"}
        for row, high in zip(values, score > 0, strict=True)
    ]


def accept(lake: Path, spec: ModelSpec, uploaded: Sequence[dict[str, object]], name: str) -> None:
    """Check an upload as ingest does, and put its shard into the lake."""
    names = [*(column.name for column in spec.columns), spec.target.name]
    source = lake / f"{name}.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(uploaded)
    made = prepare(spec, source, source.name, lake / "work", threads=1)
    if made.shard is None:
        raise SystemExit(f"the upload was refused: {made.refusal}")
    (lake / "shards").mkdir(exist_ok=True)
    made.shard.rename(lake / "shards" / f"{name}.parquet")


def as_table(spec: ModelSpec, given: Sequence[dict[str, object]]) -> Table:
    """Return rows as a model sees them."""
    columns = {c.name: np.array([row[c.name] for row in given], np.float32) for c in spec.columns}
    return Table(columns, np.array([row["label"] for row in given], dtype=object))


def drawn_anew(table: Table, spec: ModelSpec) -> Array:
    """Return which rows a hash of all features of the spec of the day holds out, missing ones included."""
    share = spec.training.holdout
    texts = [row.tobytes() for row in matrix(table, [column.name for column in spec.columns])]
    return np.array(
        [int.from_bytes(hashlib.md5(text).digest()[:4]) < share * 2**32 for text in texts]  # noqa: S324 - a split
    )


def matrix(table: Table, names: Sequence[str]) -> Array:
    """Return columns as a matrix of shape (rows, names)."""
    return np.stack([table.columns[name] for name in names], axis=1)


def fitted(table: Table) -> HistGradientBoostingClassifier:
    """Fit the estimator of all trials."""
    estimator = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    return estimator.fit(matrix(table, list(table.columns)), table.target)


def accuracy(model: HistGradientBoostingClassifier, table: Table) -> float:
    """Return the share of right labels; a model answers from the columns that it was fitted on."""
    given = matrix(table, list(table.columns)[: model.n_features_in_])
    return float((model.predict(given) == table.target).mean())


def reading(count: int) -> float:
    """Return the CPU seconds in which a job reads and divides so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder)
        accept(lake, AFTER, rows(np.random.default_rng(0), count), "1")
        began = os.times()
        snapshot.load(AFTER, lake / "shards")
        ended = os.times()
    return ended.user + ended.system - began.user - began.system


if __name__ == "__main__":
    sys.exit(main())
