"""A basket, and what is bought."""

from __future__ import annotations

from sqlalchemy import select

from shop.tables import Event
from tests.shop.ordinary.conftest import Enter, Read


def test_what_is_put_into_it_is_in_it(enter: Enter) -> None:
    visitor = enter()
    for _ in range(2):
        visitor.send("/product/tea-01", "/basket/add", product="tea-01")
    page = visitor.see("/basket")
    assert "Sencha from Uji" in page
    assert "<strong>¥2,560</strong>" in page


def test_what_is_taken_out_is_gone(enter: Enter) -> None:
    visitor = enter()
    visitor.send("/product/tea-01", "/basket/add", product="tea-01")
    visitor.send("/basket", "/basket/remove", product="tea-01")
    assert "Nothing is in it yet" in visitor.see("/basket")


def test_who_buys_signs_in_first(enter: Enter) -> None:
    visitor = enter()
    visitor.send("/product/tea-01", "/basket/add", product="tea-01")
    assert visitor.send("/basket", "/basket/buy").location == "/sign-in?next=/basket"
    assert visitor.send("/sign-in", "/sign-in", name="Mia", next="/basket").location == "/basket"
    assert "Sencha from Uji" in visitor.see("/basket")


def test_putting_in_and_buying_is_noted(enter: Enter, db: Read) -> None:
    customer = enter("Mia")
    for product in ("tea-01", "pets-02"):
        customer.send("/basket", "/basket/add", product=product)
    assert customer.send("/basket", "/basket/buy").location == "/"
    assert db(select(Event.product_id, Event.kind).order_by(Event.id)) == [
        ("tea-01", "cart"),
        ("pets-02", "cart"),
        ("pets-02", "purchase"),
        ("tea-01", "purchase"),
    ]
    assert "Nothing is in it yet" in customer.see("/basket")


def test_a_product_that_is_not_sold_can_not_be_put_in(enter: Enter) -> None:
    assert enter().send("/product/tea-01", "/basket/add", product="car").status_code == 404


def test_a_basket_has_an_end(enter: Enter) -> None:
    visitor = enter()
    for number in range(1, 16):
        visitor.send("/product/tea-01", "/basket/add", product=f"tea-{number:02}")
        visitor.send("/product/tea-01", "/basket/add", product=f"pets-{number:02}")
    assert visitor.see("/basket").count('<th scope="row"><a') == 20
