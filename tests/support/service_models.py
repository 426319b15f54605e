"""Cache of botocore's service models, whose loading takes most of the time of a test that creates clients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest


@pytest.fixture(scope="session", autouse=True)
def shared_loader() -> Iterator[None]:
    """Share one loader, which caches what it has read, among all boto3 sessions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield
