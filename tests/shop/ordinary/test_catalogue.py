"""What visitors see of the products."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from shop.tables import CATEGORIES, Event
from tests.shop.ordinary.conftest import Enter, Read

TILE = re.compile(r'data-product="([^"]+)"')


def test_the_first_page_shows_what_is_bought_most(app: Flask, enter: Enter, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    rows = [f"v{n},garden-10,purchase,2026-05-0{n}" for n in (1, 2)] + ["v1,tea-09,purchase,2026-05-03"]
    file.write_text("\n".join(["visitor,product,event,at", *rows, *["v3,pets-01,view,2026-05-03"] * 9]))
    assert app.test_cli_runner().invoke(args=["import-history", "--events", str(file)]).exit_code == 0
    assert TILE.findall(enter().see("/"))[:2] == ["garden-10", "tea-09"]


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_shows_its_products(enter: Enter, category: str) -> None:
    expected = [f"{category}-{number:02}" for number in range(1, 16)]
    assert TILE.findall(enter().see(f"/category/{category}")) == expected


@pytest.mark.parametrize(
    ("words", "found"), [("sencha", "tea-01"), ("煎茶", "tea-01"), ("BERGAMOT oil", "tea-08"), ("100%", "")]
)
def test_search_finds_every_word_in_both_languages(enter: Enter, words: str, found: str) -> None:
    page = enter().see(f"/search?q={words.replace('%', '%25')}")
    assert TILE.findall(page) == ([found] if found else [])


def test_what_was_searched_for_is_shown_as_text(enter: Enter) -> None:
    page = enter().browser.get("/search", query_string={"q": "<script>alert(1)</script>"}).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_product_has_a_page_with_others_of_its_kind(enter: Enter) -> None:
    page = enter().see("/product/books-12")
    assert "夜のパイソン" in page
    assert "¥2,800" in page
    others = TILE.findall(page)
    assert len(others) == 4
    assert "books-12" not in others
    assert {other.split("-")[0] for other in others} == {"books"}


@pytest.mark.parametrize("path", ["/product/tea-99", "/category/cars", "/nowhere"])
def test_what_is_not_there_is_said_on_a_page_of_the_shop(enter: Enter, path: str) -> None:
    assert "<h1>Not Found</h1>" in enter().see(path, 404)


def test_what_a_customer_looks_at_is_noted(enter: Enter, db: Read) -> None:
    enter("Mia").see("/product/tea-03")
    assert db(select(Event.product_id, Event.kind)) == [("tea-03", "view")]


def test_of_visitors_who_did_not_sign_in_nothing_is_kept(enter: Enter, db: Read) -> None:
    enter().see("/product/tea-03")
    assert db(select(Event.id)) == []
