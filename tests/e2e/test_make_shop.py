"""`make shop`: Ctrl-C ends the shop, its cloud and all that they started. Last of all that is done to the shop."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.e2e.shopping.shop import Shop

pytestmark = [pytest.mark.e2e, pytest.mark.local]


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
    with pytest.raises(ProcessLookupError):
        os.kill(closed.cloud, 0)


def test_nobody_answers_where_the_shop_was(closed: Ended) -> None:
    port = urlsplit(closed.shop.url).port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port or 0), timeout=5)
