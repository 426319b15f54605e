"""Runtime of a Glue script on the laptop: PySpark of the virtual environment and the machine's Java."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from typing import TYPE_CHECKING

from local import environment

if TYPE_CHECKING:
    from pathlib import Path

S3_DIR = "RELEARN_S3_DIR"
"""Environment variable with the folder in which the script finds buckets as folders."""
_SUBMIT = (
    "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=4 "
    "--conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 "
    # Spark's loopback ports accept only clients with the secret that it generates for each run: no other user
    # and no browser page (Spark's docs/security.md: "for local deployments, Spark will automatically handle
    # generating").
    "--conf spark.authenticate=true --conf spark.network.crypto.enabled=true pyspark-shell"
)


def lacking() -> str:
    """Return what Spark needs and this machine lacks, with the command that installs it.

    Empty when Spark can run.
    """
    wanted = []
    if importlib.util.find_spec("pyspark") is None:
        wanted.append("PySpark (make spark)")
    if _java() is None:
        wanted.append("Java 17 (apt-get install openjdk-17-jre-headless)")
    return f"Spark cannot run on this machine without {' and '.join(wanted)}" if wanted else ""


def command(script: Path, arguments: dict[str, str]) -> list[str]:
    """Return the command line of a run; `arguments` are option names and values."""
    given = [word for pair in arguments.items() for word in pair]
    return [sys.executable, "-S", str(script), *given]  # -S: no .pth file adds code that AWS Glue lacks


def variables(*, home: Path, buckets: Path) -> dict[str, str]:
    """Return the environment of a run; it holds no credentials, because the run's inputs are local files.

    Parameters
    ----------
    home : Path
        The run's own folder.
    buckets : Path
        The folder with one subfolder for each bucket.
    """
    packages = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    found = importlib.util.find_spec("pyspark")
    places = list(found.submodule_search_locations or []) if found else []
    return {
        **environment.base(os.environ),
        **environment.no_aws_files(),
        "HOME": str(home),
        "TMPDIR": str(home),
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join(packages),
        "PYTHONUNBUFFERED": "1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"--conf spark.local.dir={home} {_SUBMIT}",
        "SPARK_HOME": places[0] if places else "",
        S3_DIR: str(buckets),
    }


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=os.path.join(home, "bin") if home else None)  # noqa: PTH118 - a search path
