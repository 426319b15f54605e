"""predict: what is sent, what is shown, and how problems read."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.support.cli_stage import ABOUT, MODEL_SAMPLE, CliStage

PATH = "/v1/models/iris/predict"
ANSWER = {
    "model": "iris",
    "version": 3,
    "predictions": [{"id": "i-0", "label": "setosa", "probabilities": {"setosa": 0.98, "virginica": 0.02}}],
}


@pytest.fixture
def stage(cli_stage: CliStage) -> CliStage:
    cli_stage.api.answers[PATH] = (200, {}, ANSWER)
    return cli_stage


@pytest.mark.parametrize("data", ['{"instances": [{"a": 1}]}', '[{"a": 1}]', '{"a": 1}'])
def test_instances_may_be_given_whole_as_a_list_or_alone(stage: CliStage, data: str) -> None:
    assert stage.run("predict", "iris", "--data", data).exit_code == 0
    assert stage.api.asked[-1][2] == {"instances": [{"a": 1}]}


def test_instances_may_come_from_a_file_of_json_lines_and_from_standard_input(
    stage: CliStage, tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": 1}\n\n{"a": 2}\n')
    stage.api.answers[PATH] = (200, {}, {**ANSWER, "predictions": ANSWER["predictions"] * 2})  # type: ignore[operator]
    assert stage.run("predict", "iris", "--file", str(file)).exit_code == 0
    assert stage.run("predict", "iris", "--file", "-", stdin='{"a": 1}\n{"a": 2}').exit_code == 0
    assert [asked[2] for asked in stage.api.asked] == [{"instances": [{"a": 1}, {"a": 2}]}] * 2


def test_the_sample_is_the_models_own(stage: CliStage) -> None:
    result = stage.run("predict", "iris", "--sample")
    assert stage.api.asked[-1][2] == {"instances": MODEL_SAMPLE}
    assert "iris version 3" in result.stdout
    assert "0.9800" in result.stdout


def test_the_answer_as_json_is_what_the_api_said(stage: CliStage) -> None:
    assert json.loads(stage.run("predict", "iris", "--sample", "--json").stdout) == ANSWER


def test_a_regression_shows_values(stage: CliStage) -> None:
    stage.api.answers[PATH] = (
        200,
        {},
        {"model": "iris", "version": 1, "predictions": [{"id": "i-0", "value": 151.25}]},
    )
    assert "151.25" in stage.run("predict", "iris", "--sample").stdout


def test_a_ranking_shows_items_best_first_and_what_they_were_chosen_by(stage: CliStage) -> None:
    items = [{"item": "tea-03", "score": 0.91}, {"item": "tea-01", "score": 0.5}]
    ranking = {"id": "i-0", "items": items, "basis": "similar"}
    stage.api.answers[PATH] = (200, {}, {"model": "iris", "version": 1, "predictions": [ranking]})
    shown = stage.run("predict", "iris", "--sample").stdout
    assert shown.index("tea-03 (0.91)") < shown.index("tea-01 (0.5)") < shown.index("similar")


def test_requests_are_signed_for_execute_api(stage: CliStage) -> None:
    stage.run("predict", "iris", "--sample")
    for _, headers, _ in stage.api.asked:
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
        assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]


def test_a_problem_is_one_line_with_every_pointer(stage: CliStage) -> None:
    problem = {
        "title": "The body does not fit the model",
        "status": 422,
        "detail": "two things",
        "errors": [{"pointer": "/instances/0/a", "detail": "missing"}, {"pointer": "", "detail": "odd"}],
    }
    stage.api.answers[PATH] = (422, {"content-type": "application/problem+json"}, problem)
    result = stage.run("predict", "iris", "--data", "{}")
    assert result.exit_code == 1
    assert result.stderr == "error: 422 The body does not fit the model: /instances/0/a: missing; /: odd\n"


def test_a_model_that_does_not_serve_yet_says_when_to_ask_again(stage: CliStage) -> None:
    problem = {"title": "Not serving yet", "status": 503, "detail": "the first version is training"}
    stage.api.answers[PATH] = (503, {"retry-after": "15"}, problem)
    result = stage.run("predict", "iris", "--sample")
    assert result.stderr == "error: 503 Not serving yet: the first version is training (ask again in 15 s)\n"


def test_a_refusal_by_the_gateway_says_what_is_needed(stage: CliStage) -> None:
    stage.api.answers[PATH] = (403, {}, {"message": "Forbidden"})
    result = stage.run("predict", "iris", "--sample")
    assert result.exit_code == 1
    assert "execute-api:Invoke" in result.stderr


@pytest.mark.parametrize("body", [b"<html>", b"[1]"])
def test_an_answer_that_is_no_json_object_is_one_clear_line(stage: CliStage, body: bytes) -> None:
    stage.api.answers[PATH] = (200, {}, body)
    result = stage.run("predict", "iris", "--data", "{}")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize("arguments", [[], ["--sample", "--data", "{}"]])
def test_exactly_one_source_of_instances_must_be_given(stage: CliStage, arguments: list[str]) -> None:
    assert stage.run("predict", "iris", *arguments).exit_code == 2


@pytest.mark.parametrize("data", ["{", "1", '"x"', '{"instances": 5}'])
def test_data_that_holds_no_instances_is_one_clear_line(stage: CliStage, data: str) -> None:
    result = stage.run("predict", "iris", "--data", data)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert stage.api.asked == []


@pytest.mark.parametrize("command", [["predict", "iris", "--sample"], ["runs", "iris"]])
def test_a_laptop_cloud_that_is_gone_is_one_clear_line_that_says_how_to_start_one(
    tmp_path: Path, command: list[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    file = tmp_path / "local.json"
    keys = {"access_key_id": "id", "secret_access_key": "secret", "region": "eu-west-1", "stage": "local"}
    file.write_text(
        json.dumps({**keys, "endpoint_url": url, "api_url": url, "outputs": {"LedgerTable": "t"}})
    )
    result = CliRunner().invoke(app, ["--local-file", str(file), *command])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert url in result.stderr
    assert "make run" in result.stderr


def test_entities_may_be_named_and_the_rest_is_looked_up(stage: CliStage) -> None:
    about = {**ABOUT, "lookup": {"column": "plant", "entities": 2, "as_of": "2026-05-04T10:00:00Z"}}
    stage.api.answers["/v1/models/iris"] = (200, {}, about)
    stage.api.answers[PATH] = (200, {}, {**ANSWER, "predictions": ANSWER["predictions"] * 2})  # type: ignore[operator]
    result = stage.run("predict", "iris", "--entity", "p1", "--entity", "p2")
    assert stage.api.asked[-1][2] == {"instances": [{"plant": "p1"}, {"plant": "p2"}]}
    assert "p2" in result.stdout


def test_a_model_that_looks_nothing_up_takes_no_entity(stage: CliStage) -> None:
    result = stage.run("predict", "iris", "--entity", "p1")
    assert result.exit_code == 1
    assert "iris looks nothing up; allowed: --data or --file with every column" in result.stderr
