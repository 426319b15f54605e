"""What several end-to-end tests share beside the stage, which is in tests/conftest.py."""

from __future__ import annotations

import pytest

from tests.e2e import generated


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> generated.Program:
    """A program in TypeScript with a generated client, once it passed the type check."""
    return generated.program(tmp_path_factory.mktemp("typescript"))
