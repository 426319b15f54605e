"""Fixtures of the simulator's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.run import Run


@pytest.fixture
def run() -> Iterator[Run]:
    """A stage in simulated time, without data."""
    made = Run()
    yield made
    made.close()
