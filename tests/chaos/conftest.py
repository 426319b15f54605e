"""Fixtures of the simulator's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos import definitions
from tests.chaos.run import Run


@pytest.fixture(scope="session", autouse=True)
def synthesised() -> Iterator[None]:
    """Synthesise the state machines once, for processes that tests start too."""
    with definitions.kept():
        yield


@pytest.fixture
def run() -> Iterator[Run]:
    """A stage in simulated time, without data."""
    made = Run()
    yield made
    made.close()
