"""``relearn backfill``: what it asks for, and what it makes of the job's output."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.commands import backfill
from cli.stage.target import Target
from relearn.errors import RelearnError
from relearn.lifecycle.uploads import UploadState
from tests.support.cli_stage import REGION, CliStage
from tests.support.world import tar_gz
from training import catalog
from training.job.backfill import FEATURES, STATISTICS

JOB = "relearn-test-churn-backfill-20260504100000"
KEY = f"experiments/churn/{JOB}/output/output.tar.gz"
CONTENT = b"PAR1 features PAR1"
FOUND: dict[str, Any] = {
    "model": "churn",
    "rows": 3,
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "moments": {"2025-04-01T00:00:00Z": 1, "2025-12-01T00:00:00Z": 2},
    "short_history": ["2025-04-01T00:00:00Z"],
    "target_unknown": ["2025-12-01T00:00:00Z"],
}
DAYS = ("--from", "2025-04-01", "--to", "2025-12-01")


@pytest.fixture
def target(cli_stage: CliStage) -> Target:
    outputs = {
        "LakeBucket": cli_stage.lake,
        "ArtifactsBucket": cli_stage.artifacts,
        "LedgerTable": "ledger",
        "TrainingImage": "image:tag",
        "ExperimentRoles": "arn:aws:iam::123456789012:role/exp-",
    }
    return Target("test", boto3.Session(region_name=REGION), outputs=outputs)


def accept(stage: CliStage, *tables: str) -> None:
    """Have an accepted upload of each table."""
    for table in tables:
        upload = stage.upload(f"{table}.csv", model="churn", table=table, key=f"incoming/churn/{table}/a.csv")
        stage.ledger.move_upload(upload, UploadState.ACCEPTED, rows_accepted=3)


def store(stage: CliStage, **files: bytes) -> None:
    named = {"features": FEATURES, "statistics": STATISTICS}
    body = tar_gz({named[name]: content for name, content in files.items()})
    stage.s3.put_object(Bucket=stage.artifacts, Key=KEY, Body=body)


def test_the_files_are_those_that_the_job_writes() -> None:
    assert (backfill.FEATURES, backfill.STATISTICS) == (FEATURES, STATISTICS)


def test_the_job_trains_on_the_current_data_and_can_write_nothing_that_serves(
    cli_stage: CliStage, target: Target
) -> None:
    accept(cli_stage, "customers", "events")
    days = {"from": datetime(2025, 4, 1), "to": datetime(2025, 12, 1)}  # noqa: DTZ001 - as Typer gives days
    request = backfill._request(target, catalog.get("churn"), days, backfill.Pace.DAY)
    told = request["HyperParameters"]
    assert (told["moments_from"], told["moments_to"], told["moments_every"]) == (
        "2025-04-01",
        "2025-12-01",
        "day",
    )
    assert request["OutputDataConfig"]["S3OutputPath"] == f"s3://{cli_stage.artifacts}/experiments/churn"
    assert request["RoleArn"].endswith(":role/exp-churn")
    assert request["TrainingJobName"].startswith("relearn-test-churn-backfill-")
    (channel,) = request["InputDataConfig"]
    key = channel["DataSource"]["S3DataSource"]["S3Uri"].removeprefix(f"s3://{cli_stage.lake}/")
    prefix, *shards = json.load(cli_stage.s3.get_object(Bucket=cli_stage.lake, Key=key)["Body"])
    assert prefix == {"prefix": f"s3://{cli_stage.lake}/datasets/churn/"}
    assert sorted(shard.partition("/")[0] for shard in shards) == ["customers", "events"]


def test_a_model_without_moments_is_refused_before_anything_is_asked(cli_stage: CliStage) -> None:
    ran = cli_stage.run("backfill", "iris", *DAYS)
    assert ran.exit_code == 1
    assert "moments of iris" in ran.stderr


def test_a_table_without_data_is_named(cli_stage: CliStage) -> None:
    accept(cli_stage, "customers")
    ran = cli_stage.run("backfill", "churn", *DAYS)
    assert ran.exit_code == 1
    assert "churn has no accepted upload of events" in ran.stderr


def test_a_day_that_is_none_is_a_wrong_usage(cli_stage: CliStage) -> None:
    assert cli_stage.run("backfill", "churn", "--from", "April", "--to", "2025-12-01").exit_code == 2


def test_the_features_are_saved_as_the_job_made_them(
    cli_stage: CliStage, target: Target, tmp_path: Path
) -> None:
    store(cli_stage, features=CONTENT, statistics=json.dumps(FOUND).encode())
    found = backfill._fetch(target, catalog.get("churn"), JOB, tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes() == CONTENT
    assert (found["rows"], found["uri"]) == (3, f"s3://{cli_stage.artifacts}/{KEY}")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"features": CONTENT}, "has no statistics.json"),
        ({"statistics": json.dumps(FOUND).encode()}, "has no features.parquet"),
        ({"features": b"other", "statistics": json.dumps(FOUND).encode()}, "its statistics say"),
        ({"features": CONTENT, "statistics": b"{"}, "cannot be read"),
    ],
)
def test_output_that_is_not_whole_is_refused(
    cli_stage: CliStage, target: Target, files: dict[str, bytes], said: str
) -> None:
    store(cli_stage, **files)
    with pytest.raises(RelearnError, match=said):
        backfill._fetch(target, catalog.get("churn"), JOB, None)


def test_people_read_which_moments_have_a_target_and_a_whole_history(
    capsys: pytest.CaptureFixture[str],
) -> None:
    backfill._show({**FOUND, "uri": "s3://bucket/key"}, None)
    printed = capsys.readouterr().out
    assert "known" in printed
    assert "unknown yet" in printed
    assert f"3 rows of 2 moments, SHA-256 {FOUND['sha256']}" in printed
