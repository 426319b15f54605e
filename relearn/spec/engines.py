"""Engine that computes features of a model with tables: DuckDB in the training job, or Spark before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relearn.spec.columns import check, check_whole

ENGINES = ("duckdb", "spark")
WORKER_TYPES = ("G.1X", "G.2X", "G.4X", "G.8X")  # AWS Glue's, in every region that has Glue
MAX_WORKERS = 299  # AWS Glue's limit for G.1X
MAX_MINUTES = 7 * 24 * 60  # AWS Glue's longest timeout


@dataclass(frozen=True, slots=True)
class Engine:
    """Engine that runs a model's ``features``, and its size.

    Parameters
    ----------
    name
        ``"duckdb"``: on one machine, in the training job, out of core. ``"spark"``: in an AWS Glue job before
        it.
    workers
        Maximum number of workers of the Glue job, 2 to `MAX_WORKERS`.
    worker_type
        AWS Glue worker type, one of `WORKER_TYPES`.
    max_runtime_minutes
        Minutes after which AWS Glue stops the job, 1 to `MAX_MINUTES`.
    """

    name: Literal["duckdb", "spark"] = "duckdb"
    workers: int = 2
    worker_type: str = "G.1X"
    max_runtime_minutes: int = 60

    def __post_init__(self) -> None:
        check(self.name in ENGINES, "engine.name", self.name, f"one of {', '.join(ENGINES)}")
        check_whole("engine.workers", self.workers, 2, MAX_WORKERS)
        known = self.worker_type in WORKER_TYPES
        check(known, "engine.worker_type", self.worker_type, f"one of {', '.join(WORKER_TYPES)}")
        check_whole("engine.max_runtime_minutes", self.max_runtime_minutes, 1, MAX_MINUTES)
