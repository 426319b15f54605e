"""Features of past moments, made on the stage by `relearn backfill`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.e2e.client import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "churn"


@pytest.fixture
def churn(stage: Stage) -> Stage:
    """The stage once churn has data."""
    stage.wait("the first churn model", lambda: stage.live_version(MODEL))
    return stage


def relearn(stage: Stage, folder: Path, *arguments: str) -> Any:
    """Run the command on the stage; what it prints as JSON."""
    credentials = stage.session.get_credentials()
    assert credentials is not None
    about = {
        "stage": stage.name,
        "endpoint_url": stage.endpoint_url,
        "api_url": stage.api_url,
        "region": stage.session.region_name,
        "access_key_id": credentials.access_key,
        "secret_access_key": credentials.secret_key,
        "outputs": stage.outputs,
    }
    file = folder / "stage.json"
    file.write_text(json.dumps(about))
    ran = CliRunner().invoke(app, ["--local-file", str(file), *arguments, "--json"])
    assert ran.exit_code == 0, ran.stderr
    return json.loads(ran.stdout)


def test_features_of_past_months_come_from_the_current_data(churn: Stage, tmp_path: Path) -> None:
    if churn.endpoint_url is None:
        pytest.skip("the command finds a stage in an account by its stacks, not by a file")
    before = churn.items(MODEL, "VERSION#")
    asked = ("backfill", MODEL, "--from", "2025-04-01", "--to", "2025-12-01", "--out")
    made = relearn(churn, tmp_path, *asked, str(tmp_path / "features.parquet"))
    assert made["sha256"] == hashlib.sha256((tmp_path / "features.parquet").read_bytes()).hexdigest()
    assert len(made["moments"]) == 9
    assert made["target_unknown"] == ["2025-12-01T00:00:00Z"]
    assert f"/experiments/{MODEL}/" in made["uri"]
    assert churn.items(MODEL, "VERSION#") == before
