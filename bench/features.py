"""Features of 5 million events of 500,000 customers: Relearn on DuckDB against pandas, and Spark for reference.

Each engine computes the features of the churn model in its own process: DuckDB and Spark with the model's own
expression, pandas with a translation whose rows are compared with DuckDB's. Time is from the shards to the
feature set; memory is the peak of the process.

The last line is one JSON object: ``time_vs_pandas`` and ``memory_vs_pandas`` (pandas / DuckDB: above 1,
DuckDB is better), and ``memory_growth`` (growth of DuckDB's memory divided by that of the data: 1 is
proportional).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench import arguments

ROOT = Path(__file__).resolve().parents[1]
CUSTOMERS_PER_EVENT = 0.1
"""Customers per event of the generated data."""


@dataclass(frozen=True)
class Size:
    """Size of a measurement: event counts, runs of the compared one, and whether Spark runs."""

    least: int = 1_000_000
    compared: int = 5_000_000
    most: int = 20_000_000
    runs: int = 3
    spark: bool = True


SMALL = Size(least=1_000, compared=1_000, most=4_000, runs=1, spark=False)


@dataclass(frozen=True)
class Figures:
    """Time, peak memory and result of one process."""

    seconds: float
    peak_mb: float
    rows: int
    checksum: str


def main() -> int:
    """Run the benchmark; print a table, then the figures as JSON. Return the exit code."""
    size = SMALL if arguments.read(__doc__).small else Size()
    sizes = sorted({size.least, size.compared, size.most})
    with tempfile.TemporaryDirectory(prefix="bench-features-") as folder:
        data = {events: _generate(Path(folder) / str(events), events) for events in sizes}
        ours = {events: _run("duckdb", data[events]) for events in sizes if events != size.compared}
        same = data[size.compared]
        pairs = [(_run("duckdb", same), _run("pandas", same)) for _ in range(size.runs)]
        ours[size.compared] = min((pair[0] for pair in pairs), key=lambda found: found.seconds)
        theirs = min((pair[1] for pair in pairs), key=lambda found: found.seconds)
        spark = _spark(same) if size.spark else None
    if (ours[size.compared].rows, ours[size.compared].checksum) != (theirs.rows, theirs.checksum):
        raise AssertionError(f"pandas makes other features: {theirs} instead of {ours[size.compared]}")
    print(f"{'':24}{'events':>12}{'rows':>12}{'seconds':>10}{'peak MB':>10}")
    for events in sizes:
        _row("duckdb", events, ours[events])
    _row("pandas", size.compared, theirs)
    if spark:
        _row("spark, local", size.compared, spark)
    else:
        print("spark, local: not measured, `make spark` and a Java runtime are needed")
    grown = ours[size.most].peak_mb / ours[size.least].peak_mb
    figures = {
        "time_vs_pandas": round(statistics.median(b.seconds / a.seconds for a, b in pairs), 2),
        "memory_vs_pandas": round(statistics.median(b.peak_mb / a.peak_mb for a, b in pairs), 2),
        "memory_growth": round(grown / (size.most / size.least), 3),
    }
    print(json.dumps(figures))
    return 0


def _row(name: str, size: int, found: Figures) -> None:
    print(f"{name:24}{size:>12,}{found.rows:>12,}{found.seconds:>10.1f}{found.peak_mb:>10.0f}")


def _run(engine: str, data: Path) -> Figures:
    command = [sys.executable, "-m", "bench.features_worker", engine, str(data)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def _spark(data: Path) -> Figures | None:
    try:
        return _run("spark", data)
    except subprocess.CalledProcessError:
        return None


def _generate(folder: Path, events: int) -> Path:
    """Write customers and a year of their events as shards of both tables, as ingest would."""
    for table in ("customers", "events"):
        (folder / table).mkdir(parents=True)
    customers = int(events * CUSTOMERS_PER_EVENT)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        connection.execute("SELECT setseed(0.42)")
        connection.execute(
            f"COPY (SELECT 'c' || range AS customer_id, "  # noqa: S608
            "TIMESTAMPTZ '2024-06-01' + to_minutes(CAST(random() * 500000 AS BIGINT)) AS signed_up, "
            "['basic', 'plus', 'pro'][1 + CAST(floor(random() * 3) AS INT)] AS plan, "
            "['search', 'advert', 'friend'][1 + CAST(floor(random() * 3) AS INT)] AS channel "
            f"FROM range({customers})) TO '{folder}/customers/a.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
        for shard in range(4):
            connection.execute(
                "COPY (SELECT customer_id, \"at\", kind, CASE WHEN kind = 'purchase' "  # noqa: S608
                "THEN CAST(floor(random() * 10000) / 4 AS FLOAT) END AS amount FROM ("
                f"SELECT 'c' || CAST(floor(random() * {customers}) AS BIGINT) AS customer_id, "
                "TIMESTAMPTZ '2025-01-01' + to_seconds(CAST(random() * 31536000 AS BIGINT)) AS \"at\", "
                "['visit','visit','visit','visit','purchase','purchase','ticket','ticket','payment_failed','cancel']"
                f"[1 + CAST(floor(random() * 10) AS INT)] AS kind FROM range({events // 4}))) "
                f"TO '{folder}/events/{shard}.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
            )
    return folder


if __name__ == "__main__":
    sys.exit(main())
