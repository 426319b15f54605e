"""Compute the features of the churn model with one engine; the last line has time and memory as JSON."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COUNTED = ("visits_30d", "visits_90d", "tickets_30d", "failed_payments_30d")


def main(engine: str, data: Path) -> int:
    """Compute the features, and print the figures; return the exit code."""
    made: Callable[[Path, Path], str] = {"duckdb": duckdb_, "pandas": pandas_, "spark": spark_}[engine]
    with tempfile.TemporaryDirectory(prefix="bench-features-") as workdir:
        began = time.perf_counter()
        files = made(data, Path(workdir))
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows, checksum = sums(files)
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "rows": rows, "checksum": checksum}))
    return 0


def duckdb_(data: Path, workdir: Path) -> str:
    """Compute the features on DuckDB as the training job does; return a glob of the files."""
    from training import catalog  # noqa: PLC0415
    from training.features.feature_set import Code, Paths, make  # noqa: PLC0415
    from training.fitting.fit import Code as ModelCode  # noqa: PLC0415

    home = catalog.folder("churn")
    code = Code(ModelCode.of(home).features, home)
    files = {table: sorted((data / table).glob("*.parquet")) for table in ("customers", "events")}
    make(catalog.get("churn"), code, files, Paths(data, workdir))
    return str(workdir / "made-*.parquet")


def pandas_(data: Path, workdir: Path) -> str:
    """Compute the features with pandas, moment by moment to bound its memory; return a glob of the files."""
    import pandas as pd  # noqa: PLC0415

    from training import catalog  # noqa: PLC0415

    customers, events = (pd.read_parquet(data / table) for table in ("customers", "events"))
    events["kind"] = events["kind"].astype("category")
    spec = catalog.get("churn")
    between = spec.moments.between if spec.moments else None
    for number, moment in enumerate(between(events["at"].min(), events["at"].max()) if between else ()):
        frame = moment_of(customers, events, pd.Timestamp(moment))
        frame.to_parquet(workdir / f"made-{number}.parquet", compression="zstd")
    return str(workdir / "made-*.parquet")


def moment_of(customers: Any, events: Any, moment: Any) -> Any:
    """Return the features of one moment as a DataFrame: a translation of the model's features.py."""
    import pandas as pd  # noqa: PLC0415

    known = events[events["at"] <= moment]
    left = set(known.loc[known["kind"] == "cancel", "customer_id"])
    spine = customers[(customers["signed_up"] <= moment) & ~customers["customer_id"].isin(left)]
    recent = known[known["at"] > moment - pd.Timedelta(days=90)]
    month = recent[recent["at"] > moment - pd.Timedelta(days=30)]
    of = "customer_id"
    visits, bought = recent[recent["kind"] == "visit"], recent[recent["kind"] == "purchase"]
    columns = {
        "visits_30d": month[month["kind"] == "visit"].groupby(of).size(),
        "visits_90d": visits.groupby(of).size(),
        "last_visit": visits.groupby(of)["at"].max(),
        "spend_90d": bought["amount"].astype("float64").groupby(bought[of]).sum(),
        "tickets_30d": month[month["kind"] == "ticket"].groupby(of).size(),
        "failed_payments_30d": month[month["kind"] == "payment_failed"].groupby(of).size(),
    }
    made = spine.join(pd.DataFrame(columns), on=of)
    coming = events[(events["at"] > moment) & (events["at"] <= moment + pd.Timedelta(days=30))]
    leaving = set(coming.loc[coming["kind"] == "cancel", of])
    made = made.assign(
        as_of=moment,
        tenure_days=(moment - made["signed_up"]).dt.total_seconds() / 86_400,
        days_since_visit=(moment - made["last_visit"]).dt.total_seconds() / 86_400,
        outcome=made[of].isin(leaving).map({True: "leaves", False: "stays"}),
        **{name: made[name].fillna(0) for name in (*COUNTED, "spend_90d")},
    ).drop(columns=["signed_up", "last_visit"])
    numbers = ["tenure_days", "days_since_visit", "spend_90d", *COUNTED]
    return made.astype(dict.fromkeys(numbers, "float32")).sort_values(of)


def spark_(data: Path, workdir: Path) -> str:
    """Compute the features on local Spark as the Glue job does; the peak memory excludes the JVM."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    from training import catalog  # noqa: PLC0415
    from training.features.given import TRAINING  # noqa: PLC0415
    from training.features.spark_job import make  # noqa: PLC0415
    from training.fitting.fit import Code as ModelCode  # noqa: PLC0415

    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "4g",
        "spark.sql.shuffle.partitions": "8",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    files = {table: sorted(map(str, (data / table).glob("*.parquet"))) for table in ("customers", "events")}
    features = ModelCode.of(catalog.folder("churn")).features
    make(builder.getOrCreate(), catalog.get("churn"), features, files, str(workdir / "out"))
    return str(workdir / "out" / TRAINING / "*.parquet")


def sums(files: str) -> tuple[int, str]:
    """Return the number of rows of a feature set, and a checksum that does not depend on their order."""
    import duckdb  # noqa: PLC0415

    names = ", ".join(f"sum(CAST({name} AS DOUBLE))" for name in COUNTED)
    found = duckdb.execute(
        f"SELECT count(*), {names}, round(sum(CAST(spend_90d AS DOUBLE))), round(sum(CAST(tenure_days AS DOUBLE)), 1), "  # noqa: S608
        "count(days_since_visit), round(sum(CAST(days_since_visit AS DOUBLE)), 1), "
        f"count(*) FILTER (outcome = 'leaves') FROM read_parquet('{files}')"
    ).fetchall()[0]
    return int(found[0]), hashlib.sha256(repr(found).encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
