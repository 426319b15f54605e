"""Measure versions on held-out rows of any time and on the newest window, where what is to be learnt drifts.

Each trial draws a year of rows whose label depends on two numbers, more and more on the second. Versions are trained after eleven
months, and the twelfth is what callers ask: its accuracy is the truth. A champion is trained before, with rows of any time held out,
and the spec is then changed to the newest 30 days, to 60 days and back, with a version trained under each that is
champion of the next.

The last line is one JSON object: ``trials``; ``learnt_rows_examined``, rows of all evaluation sets that the candidate or the
champion of the time has learnt; ``learnt_rows_in_windows``, rows of the windows that the champion of the time has learnt, which would be
examined if nothing recorded it; ``optimism_random`` and ``optimism_latest``, mean of reported less true accuracy, in points;
``rows_random``, ``rows_latest`` and ``rows_side``, median sizes of an evaluation set: of rows of any time, of the
newest 30 days, and of the side held out in these; and the mean accuracy on what callers ask, in percent, of a version trained
with ``asked_random`` rows held out, ``asked_weighed`` by a half-life of 60 days too, ``asked_latest`` without the newest 30 days,
and ``asked_refit`` fitted again on all rows after that, weighed.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
from sklearn.linear_model import LogisticRegression

from bench import arguments
from relearn.spec.model import Category, DateTime, Metric, ModelSpec, Number, Training
from relearn.spec.tables import HELD_OUT
from scoring.encode import Array
from training.data.dataset import Dataset, Table
from training.data.learnt import Learner
from training.fitting import weights
from training.job import snapshot

SPEC = ModelSpec(
    name="latest",
    title="A model of what drifts",
    columns=(DateTime("at"), Number("a"), Number("b")),
    target=Category("label", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.5),
)
TIMED = replace(SPEC, training=Training(time="at"))
LATEST = replace(SPEC, training=Training(time="at", evaluate="latest", days=30))
WIDER = replace(SPEC, training=Training(time="at", evaluate="latest", days=60))
START, DAYS, ASKED, HALF_LIFE = datetime(2026, 1, 1, tzinfo=UTC), 365, 30, 60.0
FULL, SMALL = (20, 20), (1, 6)
"""Trials, and rows of a day."""


@dataclass(frozen=True)
class Trial:
    """Figures of one trial.

    Parameters
    ----------
    examined
        Rows of evaluation sets that the candidate or the champion of the time has learnt.
    learnt
        Rows of windows that the champion of the time has learnt.
    optimism
        Reported less true accuracy, with rows of any time and with the newest examined.
    rows
        Rows examined of any time, of the newest 30 days, and of the side held out in these.
    asked
        Accuracy on what callers ask, by the name of its figure.
    """

    examined: int
    learnt: int
    optimism: tuple[float, float]
    rows: tuple[int, int, int]
    asked: dict[str, float]


def main() -> int:
    """Run the benchmark; print a table, then its figures as JSON. Return the exit code."""
    found = figures(*(SMALL if arguments.read(__doc__).small else FULL))
    for name, value in found.items():
        print(f"{name:<24}{value:>12,}")
    print(json.dumps(found))
    return 0


def figures(trials: int, of_a_day: int) -> dict[str, float]:
    """Return the figures of the last line."""
    done = [trial(seed, of_a_day) for seed in range(trials)]
    ways = ("random", "latest")
    return {
        "trials": trials,
        "learnt_rows_examined": sum(one.examined for one in done),
        "learnt_rows_in_windows": sum(one.learnt for one in done),
        **{f"optimism_{way}": _points([one.optimism[at] for one in done]) for at, way in enumerate(ways)},
        **{
            f"rows_{way}": int(statistics.median(one.rows[at] for one in done))
            for at, way in enumerate((*ways, "side"))
        },
        **{name: _points([one.asked[name] for one in done]) for name in done[0].asked},
    }


def _points(shares: Sequence[float]) -> float:
    return round(100 * statistics.mean(shares), 1)


def trial(seed: int, of_a_day: int) -> Trial:
    """Train versions before the last month, and measure them on it."""
    generator = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        lake, later = Path(folder, "lake"), Path(folder, "later")
        examined, learnt = map(sum, zip(*_learnt_and_examined(lake, generator, of_a_day), strict=True))
        _write(later, generator, range(DAYS - ASKED, DAYS), of_a_day)
        future = snapshot.load(SPEC, later).whole().train
        random, latest = snapshot.load(TIMED, lake), snapshot.load(LATEST, lake)
        side = snapshot.load(LATEST, lake, learners=[Learner(TIMED, random.learnt)])
    versions = {
        "asked_random": _fitted(random.train),
        "asked_weighed": _fitted(random.train, HALF_LIFE),
        "asked_latest": _fitted(latest.train),
        "asked_refit": _fitted(latest.whole().train, HALF_LIFE),
    }
    truth = {name: _accuracy(version, future) for name, version in versions.items()}
    optimism = [
        _accuracy(versions[name], data.holdout) - truth[name]
        for name, data in (("asked_random", random), ("asked_latest", latest))
    ]
    rows = (len(random.holdout), len(latest.holdout), len(side.holdout))
    return Trial(examined, learnt, (optimism[0], optimism[1]), rows, truth)


def _learnt_and_examined(
    lake: Path, generator: np.random.Generator, of_a_day: int
) -> Iterator[tuple[int, int]]:
    """Change the spec as rows arrive; yield how many rows are examined and learnt, and how many of the window are learnt."""
    champion: tuple[ModelSpec, Dataset] | None = None
    ends = (60, 150, 160, 170, 180, DAYS - ASKED)
    for first, last, spec in zip((0, *ends), ends, (SPEC, TIMED, LATEST, WIDER, LATEST, TIMED), strict=False):
        _write(lake, generator, range(first, last), of_a_day)
        learners = [] if champion is None else [Learner(champion[0], champion[1].learnt)]
        data = snapshot.load(spec, lake, learners=learners)
        theirs = set() if champion is None else _rows(champion[1].train)
        every = data.whole().train
        inside = (
            set()
            if data.latest is None or every.time is None
            else _rows(every.where(data.latest.window.holds(every.time)))
        )
        yield len(_rows(data.holdout) & (_rows(data.train) | theirs)), len(inside & theirs)
        champion = (spec, data)


def _rows(table: Table) -> set[bytes]:
    return {row.tobytes() for row in np.column_stack([table.columns[name] for name in ("at", "a", "b")])}


def _write(folder: Path, generator: np.random.Generator, days: range, of_a_day: int) -> None:
    """Write a shard of some days, as ingest does; a quarter of the rows is held out."""
    count = len(days) * of_a_day
    when = np.sort(generator.uniform(days.start, days.stop, count)).tolist()
    at = [START + timedelta(days=day) for day in when]
    angle = np.array(when) / DAYS * np.pi / 2
    a, b = generator.normal(size=(2, count))
    score = np.cos(angle) * a + np.sin(angle) * b + generator.normal(0, 0.5, count)
    labels = ["yes" if high else "no" for high in score > 0]
    folder.mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT unnest(?) AS at, CAST(unnest(?) AS FLOAT) AS a, CAST(unnest(?) AS FLOAT) AS b, unnest(?) AS label, "
            f"unnest(?) AS {HELD_OUT}) TO '{folder / f'{days.start:03}.parquet'}' (FORMAT parquet)",
            [
                at,
                a.tolist(),
                b.tolist(),
                labels,
                (generator.random(count) < TIMED.training.holdout).tolist(),
            ],
        )


def _fitted(rows: Table, half_life: float | None = None) -> LogisticRegression:
    weighed = None if half_life is None or rows.time is None else weights.of_ages(rows.time, half_life)
    return LogisticRegression().fit(_matrix(rows), rows.target, weighed)


def _accuracy(version: LogisticRegression, rows: Table) -> float:
    return float(np.mean(version.predict(_matrix(rows)) == rows.target))


def _matrix(rows: Table) -> Array:
    return np.column_stack([rows.columns["a"], rows.columns["b"]])


if __name__ == "__main__":
    raise SystemExit(main())
