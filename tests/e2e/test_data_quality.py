"""Data that breaks what the spec demands ends a run before anything is trained; good data is trained on again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import ENDS, Stage, csv_bytes, outputs, rows

pytestmark = [pytest.mark.e2e, pytest.mark.local]

SEED = Path(__file__).parents[2] / "training" / "models" / "churn" / "seed"
NOBODY = "nobody-knows-me"


@pytest.fixture(scope="module")
def churn(stage: Stage) -> Stage:
    """The stage once the first churn model serves and nothing is under way."""
    stage.wait_until_served("churn")
    return stage


@pytest.fixture(scope="module")
def orphaned(churn: Stage) -> Iterator[Any]:
    """A file of events of a customer that no file of customers has; what there was before, and its run.

    Afterwards the version of before serves again: other flows know the rows that it learnt.
    """
    before = {
        "version": churn.live_version("churn"),
        "answer": outputs(churn.predict("churn", *churn.sample("churn"))),
    }
    events = [{**row, "customer_id": NOBODY} for row in list(rows(SEED / "events.csv"))[:20]]
    version_id = churn.put("churn", "events/orphans.csv", csv_bytes(events))
    run = churn.run_of("churn", version_id, *ENDS)
    churn.wait("churn at rest", lambda: churn.at_rest("churn"))
    yield {**before, "version_id": version_id, "run": run}
    if churn.live_version("churn") != before["version"]:
        churn.http(
            "/v1/models/churn/route", {"action": "rollback", "why": "the next good file was trained on"}
        )
        churn.wait("the version before", lambda: _answering(churn) == before["version"])


def _answering(stage: Stage) -> int:
    return int(stage.predict("churn", *stage.sample("churn"))["version"])


def report(stage: Stage, run: Any) -> Any:
    key = f"reports/churn/{run['run_id']}/data.json"
    return json.load(stage.client("s3").get_object(Bucket=stage.outputs["LakeBucket"], Key=key)["Body"])


def test_orphans_end_the_run_with_the_figure_and_what_is_allowed(orphaned: Any) -> None:
    assert orphaned["run"]["state"] == "REJECTED"
    assert "events.customer_id: 20 of " in orphaned["run"]["reason"]
    assert f"name no row of customers, for example '{NOBODY}'; allowed: 0.00%" in orphaned["run"]["reason"]


def test_no_training_job_was_created_for_it(churn: Stage, orphaned: Any) -> None:
    run_id = orphaned["run"]["run_id"]
    jobs = churn.client("sagemaker").list_training_jobs(NameContains=run_id)["TrainingJobSummaries"]
    assert jobs == []


def test_the_champion_answers_as_before(churn: Stage, orphaned: Any) -> None:
    assert churn.live_version("churn") == orphaned["version"]
    assert outputs(churn.predict("churn", *churn.sample("churn"))) == orphaned["answer"]


def test_the_upload_is_given_up_with_the_reason(churn: Stage, orphaned: Any) -> None:
    upload = churn.wait_for_upload("churn", orphaned["version_id"], "FAILED")
    assert orphaned["run"]["reason"] in upload["reason"]


def test_the_report_of_the_data_has_the_rule_that_was_broken(churn: Stage, orphaned: Any) -> None:
    broken = [finding for finding in report(churn, orphaned["run"])["findings"] if not finding["right"]]
    assert [(finding["table"], finding["column"], finding["rule"]) for finding in broken] == [
        ("events", "customer_id", "reference")
    ]


def test_the_next_good_file_is_trained_on(churn: Stage, orphaned: Any) -> None:
    events = list(rows(SEED / "events.csv"))[:50]
    version_id = churn.put("churn", "events/orphans.csv", csv_bytes(events))
    run = churn.run_of("churn", version_id, *ENDS)
    churn.wait("churn at rest", lambda: churn.at_rest("churn"))
    jobs = churn.client("sagemaker").list_training_jobs(NameContains=run["run_id"])["TrainingJobSummaries"]
    assert len(jobs) == 1, run["reason"]
    assert run["state"] in ("PROMOTED", "REJECTED")
    assert "before training" not in run["reason"]
    upload = churn.upload("churn", orphaned["version_id"])
    assert upload is not None
    assert upload["upload_id"] not in run["snapshot"]


def test_the_features_are_shown_beside_those_of_the_champion(churn: Stage) -> None:
    trained = [run for run in churn.items("churn", "RUN#") if run.get("metrics")]
    key = f"reports/churn/{trained[-1]['run_id']}/features.html"
    body = churn.client("s3").get_object(Bucket=churn.outputs["LakeBucket"], Key=key)["Body"]
    assert "the champion when the run began" in body.read().decode()
