"""How the command finds a stage, and what it says when it cannot."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from cli.main import app
from cli.stage.target import Choice
from relearn.errors import ConfigError
from tests.support.cli_stage import REGION, CliStage


def local_file(folder: Path) -> Path:
    file = folder / ".relearn" / "local.json"
    file.parent.mkdir()
    about = {
        "endpoint_url": "http://127.0.0.1:9",
        "api_url": "http://127.0.0.1:8",
        "region": "eu-west-1",
        "access_key_id": "id",
        "secret_access_key": "secret",
        "stage": "local",
        "outputs": {"LedgerTable": "ledger", "ApiUrl": "https://not-reachable.invalid"},
    }
    file.write_text(json.dumps(about))
    return file


def test_a_stage_is_found_by_the_outputs_of_its_stacks(cli_stage: CliStage) -> None:
    target = Choice(stage="test", region=REGION, profile=None, local_file=None).target()
    assert [target.output(key) for key in ("LedgerTable", "TrainingImage")] == ["ledger", "image:tag"]
    assert target.output("ApiUrl") == cli_stage.url


def test_the_laptop_cloud_is_found_from_any_folder_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_file(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    target = Choice(stage="dev", region=None, profile=None, local_file=Path(".relearn/local.json")).target()
    assert (target.stage, target.region, target.endpoint_url) == ("local", "eu-west-1", "http://127.0.0.1:9")
    assert target.output("LedgerTable") == "ledger"


def test_the_laptop_clouds_own_address_of_the_api_counts(tmp_path: Path) -> None:
    target = Choice(stage="dev", region=None, profile=None, local_file=local_file(tmp_path)).target()
    assert target.output("ApiUrl") == "http://127.0.0.1:8"


def test_without_a_running_laptop_cloud_the_error_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["--local", "status"])
    assert result.exit_code == 1
    assert "make run" in result.stderr


@pytest.mark.parametrize("stage", ["Dev", "a-b", "much-too-long-a-name"])
def test_a_wrong_stage_name_is_refused_with_what_is_allowed(stage: str) -> None:
    with pytest.raises(ConfigError, match="1 to 10 lower-case letters"):
        Choice(stage=stage, region=REGION, profile=None, local_file=None).target()


def test_a_stage_that_is_not_deployed_is_one_clear_line(cli_stage: CliStage) -> None:
    del cli_stage  # its credentials and its account without stage "prod"
    result = CliRunner().invoke(app, ["--stage", "prod", "--region", REGION, "runs", "iris"])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "there is no stack relearn-prod-data in eu-west-1" in result.stderr


def test_no_credentials_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    result = CliRunner().invoke(app, ["--region", REGION, "runs", "iris"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: no AWS credentials")


def test_what_aws_refuses_is_one_clear_line(cli_stage: CliStage) -> None:
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName="ledger")
    result = cli_stage.run("runs", "iris")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: AWS refused Query: ResourceNotFoundException")


def test_an_unknown_profile_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile work]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with mock_aws(), pytest.raises(ConfigError, match=r"allowed: .*work"):
        Choice(stage="dev", region=None, profile="play", local_file=None).target()


def test_env_gives_a_shell_what_reaches_the_laptop_cloud(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--local-file", str(local_file(tmp_path)), "env"])
    assert result.exit_code == 0, result.stderr
    names = "AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION API_URL"
    script = f'{result.stdout}echo "${names.replace(" ", " $")}"'
    shell = ["sh", "-c", f"AWS_SESSION_TOKEN=old\n{script} ${{AWS_SESSION_TOKEN-none}}"]
    told = subprocess.run(shell, capture_output=True, text=True, check=True).stdout
    assert told == "http://127.0.0.1:9 id secret eu-west-1 http://127.0.0.1:8 none\n"


def test_env_is_for_the_laptop_cloud_alone(cli_stage: CliStage) -> None:
    result = cli_stage.run("env")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--local" in result.stderr
