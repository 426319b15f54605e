"""batch and batches: what is sent, followed and saved, and what is shown of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_stage import NOW, CliStage

PATH = "/v1/models/iris/batches"
ID = "20260504t100000-abcdef"
LINES = [{"label": "setosa", "probabilities": {"setosa": 1.0}}, {"label": "ä", "probabilities": {"ä": 1.0}}]
BATCH: dict[str, Any] = {
    "model": "iris",
    "batch": ID,
    "state": "SUCCEEDED",
    "reason": "",
    "version": 3,
    "rows": 2,
    "created_at": NOW.isoformat(),
    "ended_at": NOW.isoformat(),
    "states": [],
    "errors": [],
    "result": None,
}
WAITING = {**BATCH, "state": "WAITING_FOR_FILE", "version": None, "rows": None, "ended_at": None}


@pytest.fixture
def stage(cli_stage: CliStage) -> CliStage:
    """A stage whose next batch succeeds."""
    form = {
        "url": f"{cli_stage.url}/form",
        "fields": {"key": "k"},
        "max_bytes": 99,
        "expires_at": NOW.isoformat(),
    }
    result = {"url": f"{cli_stage.url}/result?signature=s", "expires_at": NOW.isoformat()}
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES).encode()
    cli_stage.api.answers |= {
        f"POST {PATH}": (201, {}, {**WAITING, "upload": form}),
        "/form": (204, {}, b""),
        f"{PATH}/{ID}": (200, {}, {**BATCH, "result": result}),
        f"GET {PATH}": (200, {}, {"batches": [BATCH, WAITING]}),
        "/result?signature=s": (200, {}, content),
    }
    return cli_stage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "rows.jsonl"
    made.write_text('{"a": 1}\n{"a": 2}\n')
    return made


def test_a_file_is_sent_and_left_to_be_scored(stage: CliStage, file: Path) -> None:
    result = stage.run("batch", "iris", str(file))
    assert result.exit_code == 0
    assert f"rows.jsonl is batch {ID} of iris" in result.stderr
    assert [path for path, _, _ in stage.api.asked] == [PATH, "/form"]
    assert file.read_bytes() in stage.api.asked[1][2]


def test_the_predictions_are_saved_line_by_line(stage: CliStage, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "result.jsonl"
    result = stage.run("batch", "iris", str(file), "--out", str(out))
    assert result.exit_code == 0
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == LINES
    assert "SUCCEEDED (2 rows by version 3)" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.jsonl", "rows.jsonl"]


def test_a_result_that_can_not_be_fetched_leaves_no_file_that_looks_like_one(
    stage: CliStage, file: Path, tmp_path: Path
) -> None:
    stage.api.answers["/result?signature=s"] = (200, {}, b'{"label": "a", "probabilities": {}}\n{"lab')
    out = tmp_path / "result.jsonl"
    result = stage.run("batch", "iris", str(file), "--out", str(out))
    assert (result.exit_code, out.exists()) == (1, False)
    assert "line 2 of the result is no prediction" in result.stderr


def test_a_file_that_breaks_the_spec_shows_its_lines(stage: CliStage, file: Path, tmp_path: Path) -> None:
    wrong = {"line": 2, "pointer": "/a", "detail": "got 'wide'; allowed: a number"}
    failed = {**BATCH, "state": "FAILED", "reason": "line 2: /a", "errors": [wrong], "version": None}
    stage.api.answers[f"{PATH}/{ID}"] = (200, {}, failed)
    result = stage.run("batch", "iris", str(file), "--wait", "--out", str(tmp_path / "r"))
    assert (result.exit_code, (tmp_path / "r").exists()) == (1, False)
    assert "got 'wide'; allowed: a number" in result.stdout
    assert "FAILED" in result.stderr


def test_a_batch_that_does_not_end_in_time_is_given_up(stage: CliStage, file: Path) -> None:
    stage.api.answers[f"{PATH}/{ID}"] = (200, {}, WAITING)
    assert stage.run("batch", "iris", str(file), "--wait", "--timeout", "0").exit_code == 3


def test_json_for_scripts_holds_no_link(stage: CliStage, file: Path) -> None:
    result = stage.run("batch", "iris", str(file), "--wait", "--json")
    assert json.loads(result.stdout)["state"] == "SUCCEEDED"
    listed = stage.run("batches", "iris", "--json")
    assert [one["created_at"] for one in json.loads(listed.stdout)] == [NOW.isoformat()] * 2
    assert "signature" not in result.stdout + result.stderr


def test_batches_are_listed(stage: CliStage) -> None:
    shown = stage.run("batches", "iris").stdout
    assert ID in shown
    assert "WAITING_FOR_FILE" in shown
    assert "2026-05-04 10:00:00" in shown


def test_a_file_that_is_too_large_for_the_form_is_one_clear_line(stage: CliStage, tmp_path: Path) -> None:
    large = tmp_path / "large.jsonl"
    large.write_bytes(b"x" * 100)
    result = stage.run("batch", "iris", str(large))
    assert result.exit_code == 1
    assert "error: the file has 100 bytes; allowed: 1 to 99" in result.stderr
