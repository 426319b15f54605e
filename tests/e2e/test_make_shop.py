"""`make shop`: Ctrl-C ends the shop, its cloud and all that they started. Last of all that is done to the shop."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.e2e.shopping.shop import Shop

pytestmark = [pytest.mark.e2e, pytest.mark.local]


PATIENCE_SECONDS = 30
"""A process that was killed is gone once whoever inherited it took note."""


@dataclass(frozen=True)
class Ended:
    """What a shop was, and how it ended."""

    shop: Shop
    cloud: int
    code: int


@pytest.fixture(scope="module")
def closed(shop: Shop) -> Ended:
    """The shop after Ctrl-C."""
    return Ended(shop, shop.pid, shop.close())


def test_it_ends_well(closed: Ended) -> None:
    assert closed.code == 0
    assert closed.shop.log.read_text().rstrip().endswith("stopping")


def test_the_cloud_is_gone_and_describes_itself_no_more(closed: Ended) -> None:
    assert not closed.shop.services.info.exists()
    end = time.monotonic() + PATIENCE_SECONDS
    while is_there(closed.cloud):
        assert time.monotonic() < end, "the cloud still runs"
        time.sleep(0.1)


def test_nobody_answers_where_the_shop_was(closed: Ended) -> None:
    port = urlsplit(closed.shop.url).port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port or 0), timeout=5)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
