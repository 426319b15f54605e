"""botocore's models of AWS's services, read once a process: most of the time of a test that makes a client goes there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest


@pytest.fixture(scope="session", autouse=True)
def shared_loader() -> Iterator[None]:
    """Let every session of boto3 have the same loader, which keeps what it has read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield
