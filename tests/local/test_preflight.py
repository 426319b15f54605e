"""What cannot work is refused before anything is deployed, with what was given and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import preflight
from local.__main__ import arguments


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A synthesised app."""
    app = tmp_path / "cdk.out"
    app.mkdir()
    (app / "manifest.json").touch()
    return app


def refused(app: Path, *options: str) -> list[str]:
    info = str(app.parent / "info.json")
    return preflight.refusals(arguments(["--app", str(app), "--info", info, *options]))


@pytest.mark.parametrize(
    "options",
    [[], ["--port", "4566", "--api-port", "4567"], ["--keep", "made/of/it"]],
)
def test_what_can_work_is_not_refused(app: Path, options: list[str]) -> None:
    assert refused(app, *options) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--port", "70000"], "--port: got 70000; allowed: 1 to 65535, or 0 for a free one"),
        (["--port", "4567", "--api-port", "4567"], "--api-port: got 4567, which is --port too"),
        (["--account", "12"], "--account: got '12'; allowed: 12 digits"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(app: Path, options: list[str], told: str) -> None:
    (line,) = refused(app, *options)
    assert line.startswith(told)


@pytest.mark.parametrize("option", ["--keep", "--info"])
def test_a_place_that_cannot_be_written_is_named(app: Path, tmp_path: Path, option: str) -> None:
    file = tmp_path / "file"
    file.touch()
    (line,) = refused(app, option, str(file / "below" / "it"))
    assert line.startswith(f"{option}: {file}")
    assert "is not a folder" in line


def test_everything_wrong_is_told_at_once(app: Path) -> None:
    assert len(refused(app, "--api-port", "70000", "--port", "-1", "--account", "x")) == 3
