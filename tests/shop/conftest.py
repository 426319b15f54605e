"""The shop, and an API in its reach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from relearn_client import Breaker
from shop import ml
from tests.shop.api import Api, serving
from tests.shop.ordinary.conftest import app, db, enter

__all__ = ["app", "db", "enter"]


class Clock:
    """Time that a test can choose."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Api]:
    """An API that the shop finds as it finds the laptop cloud."""
    with serving() as made:
        info = tmp_path / "local.json"
        info.write_text(json.dumps({"api_url": made.url}))
        monkeypatch.setenv("RELEARN_LOCAL", str(info))
        monkeypatch.setattr(
            ml, "relearn", Breaker(lambda: ml.connect(0.3), cool_down_seconds=20, clock=clock)
        )
        yield made
