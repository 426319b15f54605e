"""What `make shop` says of the models on the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from progress import Progress
from services import Services
from tests.shop.api import Api


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def progress(api: Api, tmp_path: Path, said: list[str]) -> Progress:
    info = tmp_path / "local.json"
    info.write_text(json.dumps({"api_url": api.url}))
    return Progress(Services(tmp_path, info), said.append)


def test_it_waits_for_both_models(api: Api, progress: Progress) -> None:
    api.states = {"tickets": "live", "products": "training"}
    assert not progress.look()
    api.states["products"] = "live"
    assert progress.look()


def test_each_step_of_a_run_is_told_once(api: Api, progress: Progress, said: list[str]) -> None:
    for state in ("TRAINING", "TRAINING", "PROMOTED"):
        api.runs["tickets"] = [("r-1", state)]
        progress.look()
    assert said[1:] == ["tickets: run r-1 is TRAINING", "tickets: run r-1 is PROMOTED"]


def test_a_file_that_came_to_nothing_is_told(api: Api, progress: Progress, said: list[str]) -> None:
    api.begun["u-0"] = ("products", "events")
    api.refused = "QUARANTINED"
    progress.look()
    assert said[1:] == ["products: shop.csv is QUARANTINED: a bad day"]


def test_no_cloud_is_no_news(tmp_path: Path, said: list[str]) -> None:
    assert not Progress(Services(tmp_path, tmp_path / "none.json"), said.append).look()
    assert said == []
