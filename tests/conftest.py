"""What every test may use."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target",
        default="local",
        help="where the end-to-end tests run: 'local', or the name of a stage in the account of your credentials",
    )
