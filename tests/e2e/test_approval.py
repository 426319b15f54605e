"""A stage whose model waits for a person: approved by the command, then in the Model Registry; one is rejected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.e2e.client import Item, Stage, csv_bytes, rows
from tests.e2e.variants import ASKING, Variants

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = ASKING
SEED = Path(__file__).parents[2] / "training" / "models" / MODEL / "seed.csv"
ENDED = ("PROMOTED", "REJECTED", "ROLLED_BACK", "FAILED")


def patients(column: str, value: float, progression: int) -> bytes:
    """Patients as no version knows them: who learns of them surely does better."""
    return csv_bytes([{**row, column: value, "progression": progression} for row in list(rows(SEED))[:100]])


@dataclass
class Waiting:
    """The stage, and how its users look at it."""

    stage: Stage
    info: Path

    def relearn(self, *arguments: str) -> tuple[int, str]:
        """Type a command; exit code and all it printed."""
        ran = CliRunner().invoke(app, ["--local-file", str(self.info), *arguments])
        return ran.exit_code, " ".join(ran.output.split())

    def run_that_waits(self) -> Item:
        def look() -> Item | None:
            runs = self.stage.items(MODEL, "RUN#")
            return next((run for run in runs if run["state"] == "AWAITING_APPROVAL"), None)

        return self.stage.wait("a run that waits for approval", look)

    def ended(self, run: Item) -> Item:
        def look() -> Item | None:
            runs = self.stage.items(MODEL, "RUN#")
            return next((r for r in runs if r["run_id"] == run["run_id"] and r["state"] in ENDED), None)

        found = self.stage.wait(f"the end of {run['run_id']}", look)
        self.stage.wait("the model at rest", lambda: self.stage.at_rest(MODEL))
        return found

    def package(self, version: int) -> dict[str, Any]:
        """What the Model Registry has of a version."""
        arn = next(v["package_arn"] for v in self.stage.items(MODEL, "VERSION#") if v["version"] == version)
        found: dict[str, Any] = self.stage.client("sagemaker").describe_model_package(ModelPackageName=arn)
        return found

    def endpoints(self) -> list[str]:
        found = self.stage.client("sagemaker").list_endpoints(NameContains=MODEL)["Endpoints"]
        return sorted(one["EndpointName"] for one in found)


@pytest.fixture(scope="module")
def waiting(variants: Variants) -> Waiting:
    return Waiting(variants.stage, variants.info)


@pytest.fixture(scope="module")
def first(waiting: Waiting) -> Item:
    """The run of the seed, whose version a person approved by the command."""
    run = waiting.run_that_waits()
    assert waiting.endpoints() == []
    assert waiting.package(1)["ModelApprovalStatus"] == "PendingManualApproval"
    code, said = waiting.relearn("approve", MODEL, "1", "--why", "the first one")
    assert (code, f"version 1 of {MODEL} approved by" in said) == (0, True), said
    return waiting.ended(run)


@pytest.fixture(scope="module")
def second(waiting: Waiting, first: Item) -> Item:
    """The run of more data, whose version a person approved in the Model Registry."""
    assert first["state"] == "PROMOTED"
    waiting.stage.put(MODEL, "more.csv", patients("glucose", 400, 900))
    run = waiting.run_that_waits()
    assert waiting.stage.live_version(MODEL) == 1
    waiting.stage.client("sagemaker").update_model_package(
        ModelPackageArn=waiting.package(2)["ModelPackageArn"],
        ModelApprovalStatus="Approved",
        ApprovalDescription="seen in the console",
    )
    return waiting.ended(run)


def test_a_version_that_was_approved_by_the_command_serves(waiting: Waiting, first: Item) -> None:
    assert first["state"] == "PROMOTED", first["reason"]
    assert first["reason"].endswith(": the first one")
    answer = waiting.stage.predict(MODEL, *waiting.stage.sample(MODEL))
    assert answer["version"] >= 1
    assert waiting.package(1)["ModelApprovalStatus"] == "Approved"


def test_so_does_one_that_was_approved_in_the_model_registry(waiting: Waiting, second: Item) -> None:
    assert second["state"] == "PROMOTED", second["reason"]
    assert second["reason"].endswith("approved by the Model Registry: seen in the console")
    assert waiting.stage.live_version(MODEL) == 2


def test_one_that_was_rejected_never_serves_and_what_waited_is_tried_next(
    waiting: Waiting, second: Item
) -> None:
    assert second["version"] == 2
    stage = waiting.stage
    refused = stage.put(MODEL, "refused.csv", patients("cholesterol", 900, 10))
    run = waiting.run_that_waits()
    late = stage.put(MODEL, "late.csv", patients("blood_pressure", 280, 900))
    stage.wait_for_upload(MODEL, late, "ACCEPTED")
    code, shown = waiting.relearn("uploads", MODEL, "--json")
    reasons = {one["key"].rpartition("/")[2]: one["reason"] for one in json.loads(shown)}
    assert code == 0
    assert "the next run starts when someone has decided about version 3" in reasons["late.csv"]
    assert (
        f"relearn approve {MODEL} 3"
        in waiting.relearn("wait", MODEL, "--run", run["run_id"], "--timeout", "0")[1]
    )

    assert waiting.relearn("reject", MODEL, "3", "--why", "rows of a test")[0] == 0
    ended = stage.wait_for_upload(MODEL, refused, "FAILED")
    assert "version 3 rejected by" in ended["reason"]
    assert ended["reason"].endswith(": rows of a test")
    code, said = waiting.relearn("approve", MODEL, "3")
    assert (code, "was rejected by" in said) == (1, True), said
    assert stage.live_version(MODEL) == 2

    following = waiting.run_that_waits()
    assert following["run_id"] != run["run_id"]
    stage.wait("the registry alike", lambda: waiting.package(3)["ModelApprovalStatus"] == "Rejected")
    assert waiting.relearn("approve", MODEL, "4")[0] == 0
    assert waiting.ended(following)["state"] == "PROMOTED"
    assert not [name for name in waiting.endpoints() if name.endswith("-v3")]
