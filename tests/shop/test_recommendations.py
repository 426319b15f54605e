"""The recommender fills shelves, where it knows better than the shop."""

from __future__ import annotations

import pytest

from tests.shop.api import Api
from tests.shop.ordinary.conftest import Enter
from tests.shop.ordinary.test_catalogue import TILE

KNOWN = ["books-01", "games-02", "pets-03"]


@pytest.mark.usefixtures("api")
def test_a_product_page_shows_what_is_similar(enter: Enter) -> None:
    page = enter().see("/product/tea-01")
    assert "You may also like" in page
    assert TILE.findall(page) == KNOWN


def test_what_the_shop_does_not_sell_is_left_out_and_four_are_enough(api: Api, enter: Enter) -> None:
    api.items = ("no-01", *(f"tea-{number:02}" for number in range(1, 10)))
    assert TILE.findall(enter().see("/product/books-01")) == ["tea-01", "tea-02", "tea-03", "tea-04"]


def test_the_first_page_shows_a_customer_what_fits(api: Api, enter: Enter) -> None:
    api.basis = "history"
    page = enter("Mia").see("/")
    assert page.index("Chosen for you") < page.index("Popular now")
    assert TILE.findall(page)[:3] == KNOWN


def test_nobody_is_asked_for_who_did_not_sign_in(api: Api, enter: Enter) -> None:
    assert "Chosen for you" not in enter().see("/")
    assert api.asked == []


def test_of_whom_the_model_knows_nothing_the_shop_shows_its_own(api: Api, enter: Enter) -> None:
    api.basis = "popularity"
    assert "Chosen for you" not in enter("Mia").see("/")
    assert "More tea" in enter().see("/product/tea-01")


@pytest.mark.parametrize("items", [(), ("no-01",)])
def test_an_empty_shelf_is_not_shown(api: Api, enter: Enter, items: tuple[str, ...]) -> None:
    api.items = items
    assert "More tea" in enter().see("/product/tea-01")


def test_without_an_answer_the_pages_are_as_they_were(api: Api, enter: Enter) -> None:
    api.down = frozenset({"products"})
    mia = enter("Mia")
    assert "More tea" in mia.see("/product/tea-01")
    asked = len(api.asked)
    assert "Popular now" in mia.see("/")
    assert len(api.asked) == asked
