"""A release has one version, wherever it is written."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from relearn import VERSION
from relearn_client import wire

ROOT = Path(__file__).parents[3]
RELEASE = re.compile(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", re.MULTILINE)


def test_the_newest_release_of_the_changelog_is_the_version() -> None:
    assert RELEASE.findall((ROOT / "CHANGELOG.md").read_text())[0] == VERSION


def test_the_client_has_the_version_of_the_server() -> None:
    assert wire.VERSION == VERSION


def test_the_command_prints_the_version_alone() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"{VERSION}\n")
