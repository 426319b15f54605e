"""relearn predictions: what the lake holds of the time that is asked for, with the truths."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.commands import predictions as command
from relearn.records import predictions
from relearn.records.predictions import Record, Truth
from tests.support.cli_stage import CliStage

NOW = datetime(2026, 5, 4, 0, 30, tzinfo=UTC)


class Midnight(datetime):
    """A clock that shows half past midnight."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return NOW.astimezone(tz)


@pytest.fixture(autouse=True)
def midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "datetime", Midnight)


def record(minutes_ago: float, rows: int = 1, **changes: Any) -> Record:
    at = NOW - timedelta(minutes=minutes_ago)
    values: dict[str, Any] = {
        "id": predictions.record_id(at, str(minutes_ago)),
        "model": "iris",
        "version": 2,
        "at": at.isoformat(timespec="milliseconds"),
        "request_id": f"{minutes_ago:g} minutes ago",
        "latency_ms": 12.4,
        "inputs": [{"petal_length": 1.5 + row, "colour": "blue"} for row in range(rows)],
        "outputs": [{"label": "setosa", "probabilities": {"setosa": 0.98, "other": 0.02}}] * rows,
    }
    return Record(**values | changes)


def put(stage: CliStage, *records: Record) -> str:
    """Write records as one object; its key."""
    newest = max(datetime.fromisoformat(one.at) for one in records)
    name = predictions.object_name([predictions.partition("iris", predictions.record_id(newest, ""))], "t")
    key = predictions.predictions_folder(records[0].model, newest) + name
    stage.s3.put_object(
        Bucket=stage.lake, Key=key, Body=b"".join(predictions.line(one) + b"\n" for one in records)
    )
    return key


def put_truth(stage: CliStage, one: Record, truth: str, row: int = 0) -> None:
    at = datetime.fromisoformat(one.at)
    name = predictions.prediction_id(one.id, row)
    line = predictions.line(Truth(name, one.model, one.version, truth, NOW.isoformat()))
    file = predictions.object_name([predictions.partition(one.model, one.id)], "t")
    key = predictions.truth_folder(one.model, at) + file
    stage.s3.put_object(Bucket=stage.lake, Key=key, Body=line + b"\n")


def shown(stage: CliStage, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(stage.run("predictions", "iris", "--json", *arguments).stdout)
    return found


def test_predictions_come_newest_last_also_from_the_day_before(cli_stage: CliStage) -> None:
    put(cli_stage, record(10), record(20))
    put(cli_stage, record(50), record(40))
    found = [one["request_id"] for one in shown(cli_stage)]
    assert found == ["50 minutes ago", "40 minutes ago", "20 minutes ago", "10 minutes ago"]


def test_only_the_time_that_was_asked_for_is_shown(cli_stage: CliStage) -> None:
    put(cli_stage, record(10), record(29.99), record(30.01))
    found = [one["request_id"] for one in shown(cli_stage, "--last", "30m")]
    assert found == ["29.99 minutes ago", "10 minutes ago"]


def test_objects_that_can_not_hold_such_predictions_are_not_read(cli_stage: CliStage) -> None:
    put(cli_stage, record(10))
    for minutes in (120, 60 * 30):  # earlier on the first day, and on the day before it
        broken = put(cli_stage, record(minutes))
        cli_stage.s3.put_object(Bucket=cli_stage.lake, Key=broken, Body=b"not read")
    assert len(shown(cli_stage)) == 1


def test_every_row_is_a_prediction_with_its_id_and_its_truth(cli_stage: CliStage) -> None:
    one = record(10, rows=2)
    put(cli_stage, one)
    put_truth(cli_stage, one, "other", row=1)
    put_truth(cli_stage, record(11), "setosa")
    first, second = shown(cli_stage)
    assert first == {
        "id": f"{one.id}-0", "at": one.at, "version": 2, "request_id": "10 minutes ago", "latency_ms": 12.4,
        "input": {"petal_length": 1.5, "colour": "blue"}, "output": one.outputs[0], "truth": None,
    }  # fmt: skip
    assert (second["id"], second["truth"]) == (f"{one.id}-1", "other")


def test_a_table_shows_what_was_asked_and_answered(cli_stage: CliStage) -> None:
    one = record(10)
    put(cli_stage, one)
    put_truth(cli_stage, one, "other")
    result = cli_stage.run("predictions", "iris")
    (line,) = [line for line in result.stdout.splitlines() if "setosa" in line]
    cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
    assert cells == [
        "2026-05-04 00:20:00", "2", "petal_length 1.5, colour blue", "setosa", "0.9800", "12 ms", "other",
    ]  # fmt: skip
    assert "1 prediction in the last 1h; the truth is known of 1" in result.stderr


def test_a_regression_is_shown_with_its_value(cli_stage: CliStage) -> None:
    put(cli_stage, record(10, outputs=[{"value": 151.25}]))
    assert "151.25" in cli_stage.run("predictions", "iris").stdout


def test_a_ranking_is_shown_with_its_items(cli_stage: CliStage) -> None:
    items = [{"item": "tea-03", "score": 0.91}, {"item": "tea-01", "score": 0.5}]
    put(cli_stage, record(10, outputs=[{"items": items, "basis": "history"}]))
    shown = cli_stage.run("predictions", "iris").stdout
    assert "tea-03, tea-01" in shown
    assert "history" in shown


def test_a_limit_shows_the_newest_and_says_how_many_there_are(cli_stage: CliStage) -> None:
    put(cli_stage, record(10, rows=3), record(20))
    result = cli_stage.run("predictions", "iris", "--limit", "2", "--json")
    assert [one["id"][-1] for one in json.loads(result.stdout)] == ["1", "2"]
    assert "4 predictions in the last 1h" in result.stderr
    assert "these are the newest 2" in result.stderr


def test_a_model_without_predictions_shows_none(cli_stage: CliStage) -> None:
    result = cli_stage.run("predictions", "iris")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "0 predictions in the last 1h" in result.stderr
    assert shown(cli_stage) == []


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "-1h", "1.5h", "1w", "1 h", "367d", "99999999d", "٣h"])
def test_what_is_no_length_of_time_is_refused_with_what_is_allowed(cli_stage: CliStage, text: str) -> None:
    result = cli_stage.run("predictions", "iris", "--last", text)
    assert result.exit_code == 2
    assert "30m" in result.stderr


@given(st.integers(1, 366), st.sampled_from("smhd"))
def test_a_length_of_time_is_a_number_of_seconds_minutes_hours_or_days(count: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400}[unit]
    assert command.duration(f"{count}{unit}").total_seconds() == count * seconds
