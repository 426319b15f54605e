"""The fixtures of the tests of the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.run import Run


@pytest.fixture
def run() -> Iterator[Run]:
    """A stage in simulated time, without any data."""
    made = Run()
    yield made
    made.close()
