"""What several end-to-end tests share beside the stage, which is in tests/conftest.py."""

from __future__ import annotations

import pytest

from tests.e2e import generated, snippets


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> generated.Programs:
    """The programs in TypeScript of tests and pages, with a generated client, once they passed the type check."""
    return snippets.programs(tmp_path_factory.mktemp("typescript"))
