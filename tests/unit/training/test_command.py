from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tests.support.training_kit import IRIS_SEED
from training.__main__ import main


def prepare(source: Path, output: Path, model: str = "iris", *more: str) -> int:
    return main(["prepare", "--model", model, "--input", str(source), "--output", str(output), *more])


def test_prepare_makes_a_shard_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare(IRIS_SEED, tmp_path / "out") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["rows_accepted"], result["rows_rejected"], result["refusal"]) == (45, 0, None)
    assert len(duckdb.read_parquet(result["shard"])) == 45


def test_prepare_checks_a_file_by_the_columns_of_its_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "events.csv"
    source.write_text("customer_id,at,kind\nc1,2026-01-01,visit\n", encoding="utf-8")
    assert prepare(source, tmp_path / "out", "churn", "--table", "events") == 0
    assert json.loads(capsys.readouterr().out)["rows_accepted"] == 1
    assert prepare(source, tmp_path / "out", "churn") == 1
    assert "one of customers, events" in capsys.readouterr().err


def test_prepare_says_why_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "broken.csv"
    source.write_text("a,b\n1,2\n", encoding="utf-8")
    assert prepare(source, tmp_path / "out") == 1
    assert json.loads(capsys.readouterr().out)["refusal"]["code"] == "schema"


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [("tulip", "seed.csv", "no model 'tulip'"), ("iris", "absent.csv", "absent.csv")],
)
def test_prepare_names_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, name: str, message: str
) -> None:
    assert prepare(tmp_path / name, tmp_path / "out", model) == 1
    assert message in capsys.readouterr().err


def test_a_command_that_does_not_exist_is_refused_with_those_that_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["predict"])
    assert raised.value.code == 2
    assert "train" in capsys.readouterr().err
