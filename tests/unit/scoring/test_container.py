from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from relearn.errors import ConfigError
from relearn.spec.model import Hyperparameter
from scoring.container import Container, Job
from tests.support.training_kit import NUMBERS

SPEC = replace(
    NUMBERS,
    hyperparameters=(
        Hyperparameter("trees", default=10, minimum=1, maximum=100),
        Hyperparameter("rate", default=0.1, minimum=0.01, maximum=1.0, scale="log"),
    ),
)


def test_the_root_is_sagemakers_unless_it_is_moved() -> None:
    assert Container.from_env({}).model == Path("/opt/ml/model")
    assert Container.from_env({"SAGEMAKER_BASE_DIR": "/elsewhere"}).model == Path("/elsewhere/model")


def test_hyperparameters_of_sagemaker_itself_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "input/config/hyperparameters.json"
    path.parent.mkdir(parents=True)
    given = {"model": "iris", "_tuning_objective_metric": "f1_macro", "sagemaker_region": "eu-west-1"}
    path.write_text(json.dumps(given), encoding="utf-8")
    assert Container(tmp_path).told() == {"model": "iris"}


@pytest.mark.parametrize("content", [None, "", "[]", "{"])
def test_hyperparameters_that_can_not_be_read_are_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "input/config/hyperparameters.json"
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"hyperparameters\.json"):
        Container(tmp_path).told()


def test_what_a_job_is_not_told_has_its_default() -> None:
    job = Job.of(SPEC, {"model": "numbers"}, {"TRAINING_JOB_NAME": "by-sagemaker"})
    assert job == Job("by-sagemaker", None, None, "", {"trees": 10, "rate": 0.1})


def test_what_a_job_is_told_is_typed_as_its_default() -> None:
    told = {
        "model": "numbers",
        "run_id": "r",
        "snapshot": "s",
        "champion_version": "4",
        "trees": "20",
        "rate": "0.5",
    }
    job = Job.of(SPEC, told, {})
    assert job == Job("r", "s", 4, "", {"trees": 20, "rate": 0.5})
    assert isinstance(job.hyperparameters["trees"], int)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"depth": "3"},
            "'depth': got '3'; allowed: one of model, run_id, snapshot, champion_version, champion_sha256, reference_version, reference_sha256, now, on_trial, left_out, trees, rate",
        ),
        ({"rate": "fast"}, "'rate': got 'fast'; allowed: a number, 0.01 to 1"),
        ({"rate": "2"}, "'rate': got '2'; allowed: a number, 0.01 to 1"),
        ({"rate": "nan"}, "'rate': got 'nan'; allowed: a number, 0.01 to 1"),
        ({"champion_version": "-1"}, "'champion_version': got '-1'; allowed: a whole number"),
        ({"reference_version": "x"}, "'reference_version': got 'x'; allowed: a whole number"),
    ],
)
def test_what_a_job_is_told_wrongly_is_named(told: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Job.of(SPEC, told, {})
    assert str(raised.value) == f"setting {message}"


def test_a_reason_is_left_where_sagemaker_shows_it_and_as_long_as_it_shows(tmp_path: Path) -> None:
    Container(tmp_path).fail("日" * 5000 + "\ud800")
    left = (tmp_path / "output/failure").read_bytes()
    assert 1000 < len(left) <= 1024
    assert left.decode().endswith("… [cut; it has 15001 bytes]")
