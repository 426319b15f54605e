"""A story that cannot be told is refused before anything is deployed, with what was given and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import preflight
from demo.__main__ import main


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app that knows the models iris and churn."""
    app = tmp_path / "cdk.out"
    for name in ("iris", "churn", "_template"):
        folder = app / "asset.1" / "training" / "models" / name
        folder.mkdir(parents=True)
        (folder / "spec.py").touch()
    return app


def test_named_models_that_are_deployed_are_not_refused(app: Path) -> None:
    assert preflight.refusals(app, ["iris", "churn"], None) == []


@pytest.mark.parametrize("name", ["rose", "_template"])
def test_an_unknown_model_is_named_with_those_that_are_allowed(app: Path, name: str) -> None:
    (line,) = preflight.refusals(app, ["iris", name], None)
    assert line == f"--models: {name!r} unknown; allowed: churn, iris"


def test_a_missing_file_is_refused(app: Path) -> None:
    (line,) = preflight.refusals(app, [], Path("/nowhere.csv"))
    assert line == "--upload: there is no file /nowhere.csv; choose another"


def test_a_file_of_no_model_is_refused(app: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.touch()
    (line,) = preflight.refusals(app, [], other)
    assert line.startswith(f"--upload: {other} lies in no folder called as a model; allowed:")


def test_a_file_in_the_folder_of_a_model_is_not_refused(app: Path, tmp_path: Path) -> None:
    file = tmp_path / "iris" / "more.csv"
    file.parent.mkdir()
    file.touch()
    assert preflight.refusals(app, [], file) == []


def test_everything_wrong_with_a_story_is_told_at_once(app: Path) -> None:
    assert len(preflight.refusals(app, ["rose"], Path("/nowhere.csv"))) == 2


def test_the_command_prints_what_it_refuses_and_starts_no_cloud(
    app: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.__main__.Cloud", None)
    assert main(["--app", str(app), "--models", "rose"]) == 2
    assert "'rose' unknown" in capsys.readouterr().out
