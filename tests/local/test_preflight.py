"""What cannot work is refused before anything is deployed, with what was given and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import preflight
from local.__main__ import arguments


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    file = tmp_path / "iris" / "more.csv"
    file.parent.mkdir()
    file.write_text("a,b\n")
    return file


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app that knows the models iris and churn."""
    app = tmp_path / "cdk.out"
    for name in ("iris", "churn", "_template"):
        folder = app / "asset.1" / "training" / "models" / name
        folder.mkdir(parents=True)
        (folder / "spec.py").touch()
    (app / "manifest.json").touch()
    return app


def refused(app: Path, upload: Path, *options: str) -> list[str]:
    info = str(app.parent / "info.json")
    return preflight.refusals(arguments(["--app", str(app), "--info", info, *options]), upload)


@pytest.mark.parametrize(
    "options",
    [[], ["--models", "iris,churn"], ["--port", "4566", "--api-port", "4567"], ["--keep", "made/of/it"]],
)
def test_what_can_work_is_not_refused(app: Path, upload: Path, options: list[str]) -> None:
    assert refused(app, upload, *options) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--models", "iris,rose"], "--models: 'rose' unknown; allowed: churn, iris"),
        (["--models", "_template"], "--models: '_template' unknown; allowed: churn, iris"),
        (["--upload", "/nowhere.csv"], "--upload: there is no file /nowhere.csv; choose another"),
        (["--port", "70000"], "--port: got 70000; allowed: 1 to 65535, or 0 for a free one"),
        (["--port", "4567", "--api-port", "4567"], "--api-port: got 4567, which is --port too"),
        (["--account", "12"], "--account: got '12'; allowed: 12 digits"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    app: Path, upload: Path, options: list[str], told: str
) -> None:
    (line,) = refused(app, upload, *options)
    assert line.startswith(told)


@pytest.mark.parametrize("option", ["--keep", "--info"])
def test_a_place_that_cannot_be_written_is_named(app: Path, upload: Path, option: str) -> None:
    (line,) = refused(app, upload, option, str(upload / "below" / "it"))
    assert line.startswith(f"{option}: {upload}")
    assert "is not a folder" in line


def test_a_file_of_no_model_is_refused(app: Path, upload: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.touch()
    (line,) = refused(app, upload, "--upload", str(other))
    assert line.startswith(f"--upload: {other} lies in no folder called as a model; allowed:")


def test_without_a_story_its_file_is_not_asked_for(app: Path, tmp_path: Path) -> None:
    assert refused(app, tmp_path / "missing.csv", "--no-story") == []


def test_everything_wrong_is_told_at_once(app: Path, upload: Path) -> None:
    assert len(refused(app, upload, "--models", "rose", "--port", "-1", "--account", "x")) == 3
