"""Where Spark is, it is the one that AWS Glue 5.1 has; where it is not, this says what to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long


def test_spark_is_the_version_of_the_glue_job(spark: SparkSession) -> None:
    assert spark.version == "3.5.6"
