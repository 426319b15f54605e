"""A first model of iris, trained once for all tests of what serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring import artifact
from scoring.app import App
from scoring.container import Container
from tests.support.training_kit import iris_rows, job
from training.job import train


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Container:
    box = job(tmp_path_factory.mktemp("ml"), iris_rows())
    assert train.main(box) == 0
    return box


@pytest.fixture(scope="session")
def folder(trained: Container) -> Path:
    return trained.model


@pytest.fixture(scope="session")
def app(folder: Path) -> App:
    return App(artifact.load(folder), 3)
