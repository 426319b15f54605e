"""One Spark session for all tests, where there are PySpark and Java."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Options of a JVM that ends before its better compiler has paid off."""


def lacking() -> str:
    """What keeps Spark from running here, and how to mend it; empty: nothing does."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed: make spark"
    home = os.environ.get("JAVA_HOME")
    if not shutil.which("java", path=f"{home}/bin" if home else None):
        return "no Java: apt-get install openjdk-17-jre-headless"
    return ""


# Where PySpark is missing these cannot even be imported; test_session.py is skipped then, with the reason.
collect_ignore = [] if importlib.util.find_spec("pyspark") else ["test_engines_agree.py", "test_spark_job.py"]


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    if reason := lacking():
        pytest.skip(reason)
    from pyspark.sql import SparkSession  # noqa: PLC0415 - may be missing

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.extraJavaOptions", SHORT_LIVED)
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
