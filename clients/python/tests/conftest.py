"""Both clients are held to the same specification: what uses ``ask`` runs with each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from relearn_client import AsyncClient, Client, Retry
from stub_api import Ask, StubApi, serving

QUICK = Retry(base_seconds=0.001)


@pytest.fixture
def api() -> Iterator[StubApi]:
    with serving() as stub:
        yield stub


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, api: StubApi) -> Ask:
    """Make a client of the stub, and carry out calls with it: ``ask(lambda client: client.models())``."""

    def sync(*uses: Callable[[Any], Any], **options: Any) -> Any:
        with Client(options.pop("url", api.url), **{"retry": QUICK, **options}) as client:
            return [use(client) for use in uses][-1]

    def asynchronous(*uses: Callable[[Any], Any], **options: Any) -> Any:
        async def main() -> Any:
            async with AsyncClient(options.pop("url", api.url), **{"retry": QUICK, **options}) as client:
                return [await use(client) for use in uses][-1]

        return asyncio.run(main())

    return sync if request.param == "sync" else asynchronous
