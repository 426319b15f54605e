"""A stage whose features Spark makes: from uploads to a prediction, and the reason when Spark cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.client import Stage
from tests.e2e.clouds import cloud_of
from tests.infra.synthesis import synthesise
from tests.spark.conftest import lacking

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.long]


@pytest.fixture(scope="module")
def spark_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if request.config.getoption("--target") != "local":
        pytest.skip("the stage decides what makes its features")
    if reason := lacking():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("spark")
    synthesise(folder / "cdk.out", "local", ["churn"], features_engine="spark")
    with cloud_of(folder, folder / "cdk.out") as running:
        yield running


@pytest.fixture(scope="module")
def first(spark_stage: Stage) -> dict[str, Any]:
    """The run of the seed."""
    spark_stage.wait_until_served("churn")
    (run,) = (run for run in spark_stage.items("churn", "RUN#") if run["state"] == "PROMOTED")
    return run


def test_a_model_made_on_spark_answers(spark_stage: Stage, first: dict[str, Any]) -> None:
    answer = spark_stage.predict("churn", *spark_stage.sample("churn"))
    assert answer["version"] == first["version"]
    (job,) = spark_stage.client("glue").get_job_runs(JobName="relearn-local-features-churn")["JobRuns"]
    assert job["JobRunState"] == "SUCCEEDED"


def test_training_saw_no_raw_data(spark_stage: Stage, first: dict[str, Any]) -> None:
    job = spark_stage.client("sagemaker").describe_training_job(
        TrainingJobName=f"relearn-local-churn-{first['run_id']}"
    )
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"] for channel in job["InputDataConfig"]
    }
    assert list(channels) == ["features"]
    assert channels["features"]["S3Uri"].endswith(f"/spark/churn/{first['run_id']}/")


def test_the_statistics_say_what_was_made(spark_stage: Stage, first: dict[str, Any]) -> None:
    key = f"spark/churn/{first['run_id']}/statistics.json"
    kept = spark_stage.client("s3").get_object(Bucket=spark_stage.outputs["LakeBucket"], Key=key)
    made = json.load(kept["Body"])
    assert made["tables"]["customers"]["rows"] > 0
    assert made["training"]["columns"]["visits_90d"] | {"maximum": 0} == {
        "missing": 0,
        "minimum": 0,
        "maximum": 0,
    }
    assert 0 < made["online"]["rows"] < made["training"]["rows"]


def test_a_glue_run_that_fails_fails_the_run_with_its_reason(
    spark_stage: Stage, first: dict[str, Any]
) -> None:
    lake, s3 = spark_stage.outputs["LakeBucket"], spark_stage.client("s3")
    (shard,) = s3.list_objects_v2(Bucket=lake, Prefix="datasets/churn/customers/")["Contents"]
    s3.delete_object(Bucket=lake, Key=shard["Key"])
    again = b"customer_id,signed_up,plan,channel\nc9001,2025-01-01,plus,friend\n"
    version_id = spark_stage.put("churn", "customers/again.csv", again)
    run = spark_stage.run_of("churn", version_id, "PROMOTED", "REJECTED", "ROLLED_BACK", "FAILED")
    assert run["state"] == "FAILED"
    jobs = spark_stage.client("glue").get_job_runs(JobName="relearn-local-features-churn")["JobRuns"]
    (failed,) = (job for job in jobs if job["JobRunState"] == "FAILED")
    assert failed["ErrorMessage"] in run["reason"]
    assert spark_stage.live_version("churn") == first["version"]
