"""``python -m demo --models churn --once``: the story of a model with tables goes to its end."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.clouds import APP, ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.local]


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.config.getoption("--target") != "local":
        pytest.skip("a story is told on the laptop cloud only")
    info: Path = tmp_path_factory.mktemp("story") / "info.json"
    command = [sys.executable, "-m", "demo", "--app", str(APP), "--info", str(info)]
    ran = subprocess.run(
        [*command, "--models", "churn", "--once"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    return ran.stdout


def test_both_tables_get_new_data_and_a_run_trains_on_it(told: str) -> None:
    for table in ("customers", "events"):
        assert f"/incoming/churn/{table}/seed.csv" in told
    assert "table customers: 1,200 rows of 1 upload" in told


def test_features_reports_and_metrics_are_shown(told: str) -> None:
    assert re.search(r"features: \d+ rows, SHA-256 [0-9a-f]{64}", told)
    assert re.search(r"roc_auc +0\.\d{4}", told)
    assert re.search(r"s3://\S+/reports/churn/\S+/report\.html", told)


def test_an_entity_is_asked_about_and_the_new_version_answers(told: str) -> None:
    assert re.search(r'predict with \{"customer_id": "c\d+"\}', told)
    version = re.search(r"version (\d+) answers: (stays|leaves)", told)
    assert version is not None
    assert int(version[1]) >= 2
    assert f"version {version[1]} of churn answers: http" in told
