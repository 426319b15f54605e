"""feedback: how truths are read, and what is told of those the stage did not keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_stage import ABOUT, CliStage

PATH = "/v1/models/iris/feedback"


def answer(*states: str) -> tuple[int, dict[str, str], Any]:
    results = [{"prediction": f"p-{n}", "state": state, "detail": "why"} for n, state in enumerate(states)]
    return 200, {}, {"model": "iris", "results": results, "counts": {}}


@pytest.fixture
def stage(cli_stage: CliStage) -> CliStage:
    cli_stage.api.answers[PATH] = answer("accepted", "duplicate")
    return cli_stage


def sent(stage: CliStage) -> Any:
    return stage.api.asked[-1][2]["feedback"]


def test_truths_come_from_json_lines_or_standard_input(stage: CliStage, tmp_path: Path) -> None:
    text = '{"prediction": "p-0", "truth": "setosa"}\n\n{"prediction": "p-1", "truth": 3.5, "note": "x"}\n'
    (tmp_path / "truths.jsonl").write_text(text)
    assert stage.run("feedback", "iris", str(tmp_path / "truths.jsonl")).exit_code == 0
    rows = [{"prediction": "p-0", "truth": "setosa"}, {"prediction": "p-1", "truth": 3.5}]
    assert sent(stage) == rows
    assert stage.run("feedback", "iris", "-", stdin=text).exit_code == 0
    assert sent(stage) == rows


@pytest.mark.parametrize(
    ("kind", "text", "truth"),
    [
        ("string", "7", "7"),
        ("number", "7", 7.0),
        ("number", "1e-3", 0.001),
        ("boolean", "True", True),
        ("boolean", "false", False),
    ],
)
def test_truths_of_a_csv_are_read_as_the_target_has_them(
    stage: CliStage, tmp_path: Path, kind: str, text: str, truth: Any
) -> None:
    stage.api.answers["/v1/models/iris"] = (200, {}, {**ABOUT, "target": {"name": "t", "type": kind}})
    (tmp_path / "truths.CSV").write_text(f"\ufeffnote,truth,prediction\nx,{text},p-0\n", encoding="utf-8")
    assert stage.run("feedback", "iris", str(tmp_path / "truths.CSV")).exit_code == 0
    assert sent(stage) == [{"prediction": "p-0", "truth": truth}]


def test_what_was_not_kept_is_shown_and_ends_badly(stage: CliStage) -> None:
    stage.api.answers[PATH] = answer("accepted", "unknown", "conflict", "accepted")
    result = stage.run("feedback", "iris", "-", stdin='{"prediction": "p", "truth": 1}')
    assert result.exit_code == 1
    assert "4 truths about iris: 2 accepted, 1 conflict, 1 unknown\n" in result.stdout
    assert "p-1" in result.stdout
    assert "p-0" not in result.stdout


def test_json_for_scripts_has_the_counts_and_all_that_was_not_kept(stage: CliStage) -> None:
    stage.api.answers[PATH] = answer(*["late"] * 20, "accepted")
    result = stage.run("feedback", "iris", "-", "--json", stdin='{"prediction": "p", "truth": 1}')
    found = json.loads(result.stdout)
    assert found["counts"] == {"late": 20, "accepted": 1}
    assert len(found["not_kept"]) == 20


@pytest.mark.parametrize("line", ["{", "1", '{"prediction": "p"}', '{"truth": 1}', "[]"])
def test_a_line_that_is_no_truth_is_named_and_nothing_is_sent(stage: CliStage, line: str) -> None:
    result = stage.run("feedback", "iris", "-", stdin='{"prediction": "p", "truth": 1}\n' + line)
    assert (result.exit_code, stage.api.asked) == (1, [])
    assert result.stderr.startswith("error: line 2: got ")


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("number", "prediction,truth\np,many\n", "line 2: truth: got 'many'; allowed: a number"),
        ("boolean", "prediction,truth\np,1\n", "line 2: truth: got '1'; allowed: true or false"),
        ("string", "id,truth\np,1\n", "line 2: got the columns 'id, truth'"),
        ("string", "prediction,truth\np\n", "line 2: got the columns"),
    ],
)
def test_a_csv_that_can_not_be_read_is_one_clear_line(
    stage: CliStage, tmp_path: Path, kind: str, text: str, message: str
) -> None:
    stage.api.answers["/v1/models/iris"] = (200, {}, {**ABOUT, "target": {"name": "t", "type": kind}})
    (tmp_path / "truths.csv").write_text(text)
    result = stage.run("feedback", "iris", str(tmp_path / "truths.csv"))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert message in result.stderr


def test_no_truths_are_no_request(stage: CliStage) -> None:
    result = stage.run("feedback", "iris", "-", stdin="\n")
    assert (result.exit_code, stage.api.asked) == (0, [])
