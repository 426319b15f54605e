"""What the unit tests share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from typer.main import get_command

from cli.stage.target import Choice
from tests.support.cli_account import Account, account, link_to_layer
from tests.support.cli_stage import CliStage, deployed
from tests.support.quick_aws import quicken
from tests.support.service_models import shared_loader

__all__ = ["shared_loader"]


@pytest.fixture(scope="session", autouse=True)
def one_command() -> Iterator[None]:
    """Make the tree of commands once: typer makes all of it for each run, which takes a sixth of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(get_command))
        yield


@pytest.fixture
def cli_stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[CliStage]:
    """A deployed stage, and credentials for it; nothing of the developer's own AWS settings."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "RELEARN_STAGE", "RELEARN_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr("cli.stage.target.Target.poll_seconds", 0.0)
    monkeypatch.setattr("cli.stage.dead_letters.LOOK_SECONDS", 0)
    quicken(monkeypatch)
    with deployed() as stage:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", stage.url)
        yield stage


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account into which the stage ``dev`` may be deployed; it is the target of every command."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "RELEARN_STAGE", "RELEARN_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    with account() as made:
        monkeypatch.setattr(Choice, "target", lambda _: made.target)
        monkeypatch.setattr("moto.ecr.responses.ECRResponse.get_download_url_for_layer", link_to_layer)
        monkeypatch.setattr("cli.checks.image.download", made.configuration)
        yield made
