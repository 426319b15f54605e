"""Whose requests the command sends, and what it says when it needs a token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.stage.api import authority
from cli.stage.target import Choice, Target
from relearn.errors import ConfigError
from relearn_client import Bearer, SigV4
from tests.support.cli_stage import REGION, CliStage

TOKENS = {"ApiUrl": "https://api.example.com", "ApiAuth": "jwt", "ApiScopePrefix": "relearn/"}


def on_aws(cli_stage: CliStage, token: str | None = None, **outputs: str) -> Target:
    found = Choice(stage="test", region=REGION, profile=None, local_file=None).target()
    return Target("test", found.session, outputs={"ApiUrl": cli_stage.url, **outputs}, token=token)


def test_requests_are_signed_where_the_stage_takes_no_tokens(cli_stage: CliStage) -> None:
    assert isinstance(authority(on_aws(cli_stage)), SigV4)


@pytest.mark.parametrize("outputs", [{}, TOKENS])
def test_a_token_that_is_given_is_sent(cli_stage: CliStage, outputs: dict[str, str]) -> None:
    assert isinstance(authority(on_aws(cli_stage, "a-token", **outputs)), Bearer)


def test_a_stage_that_takes_tokens_wants_one(cli_stage: CliStage) -> None:
    with pytest.raises(ConfigError, match="--token or RELEARN_TOKEN"):
        authority(on_aws(cli_stage, **TOKENS))


def test_a_token_is_printed_only_where_tokens_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "local.json"
    keys = {"access_key_id": "id", "secret_access_key": "secret", "region": REGION, "stage": "local"}
    url = "http://127.0.0.1:9"
    file.write_text(json.dumps({**keys, "endpoint_url": url, "api_url": url, "outputs": {"ApiAuth": "iam"}}))
    result = CliRunner().invoke(app, ["--local-file", str(file), "token"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "this stage takes signed requests" in result.stderr
