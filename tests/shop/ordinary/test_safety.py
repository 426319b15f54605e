"""What holds on every page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from shop import create_app
from shop.tables import Customer
from tests.shop.ordinary.conftest import Enter, Read

PAGES = [
    "/",
    "/category/tea",
    "/search?q=tea",
    "/product/tea-01",
    "/basket",
    "/sign-in",
    "/tickets/",
    "/tickets/new",
]
PAGES += ["/tickets/1", "/desk/", "/desk/1", "/nowhere"]


class Outline(HTMLParser):
    """What matters to who does not see a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.fields: list[dict[str, str | None]] = []
        self.labelled: set[str | None] = set()
        self.elements: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append(tag)
        self.ids += [one for one in [found.get("id")] if one]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("input", "select", "textarea") and found.get("type") != "hidden":
            self.fields.append(found)
        if tag == "label":
            self.labelled.add(found.get("for"))
        if tag == "img":
            self.images.append(found)


@pytest.fixture
def seen(enter: Enter) -> dict[str, str]:
    """Every page, as an agent with a ticket of their own sees it."""
    agent = enter("agent")
    agent.writes("A ticket", "With text")
    agent.send("/product/tea-01", "/basket/add", product="tea-01")
    return {page: agent.browser.get(page).text for page in PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_used_without_seeing_it(seen: dict[str, str], page: str) -> None:
    outline = Outline(seen[page])
    assert '<html lang="en">' in seen[page]
    assert [level for level in outline.headings if level == 1] == [1]
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)
    assert {"main", "header", "nav", "footer", "title"} <= set(outline.elements)
    assert {field["id"] for field in outline.fields} <= outline.labelled
    assert len(outline.ids) == len(set(outline.ids))
    assert all("alt" in image for image in outline.images)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_nothing_and_asks_nobody_else(seen: dict[str, str], page: str) -> None:
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", seen[page])
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', seen[page])


def test_browsers_are_told_so(enter: Enter) -> None:
    headers = enter().browser.get("/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


ACTIONS = ["/sign-in", "/sign-out", "/basket/add", "/basket/remove", "/basket/buy", "/tickets/new"]
ACTIONS += ["/desk/1/queue", "/desk/1/close"]


@pytest.mark.parametrize("token", ["", "another"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_form_without_the_visitors_token_is_refused(enter: Enter, action: str, token: str) -> None:
    agent = enter("agent")
    assert agent.browser.post(action, data={"csrf_token": token, "name": "x"}).status_code == 400


def test_every_action_is_in_that_list(app: Flask) -> None:
    rules = (rule for rule in app.url_map.iter_rules() if rule.methods and "POST" in rule.methods)
    assert {str(rule).replace("<int:ticket_id>", "1") for rule in rules} == set(ACTIONS)


@pytest.mark.parametrize(
    "to", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/\t/evil.example"]
)
def test_signing_in_leads_to_no_other_site(enter: Enter, to: str) -> None:
    assert enter().send("/sign-in", "/sign-in", name="Mia", next=to).location == "/"


def test_signing_in_leads_back(enter: Enter) -> None:
    visitor = enter()
    asked = visitor.browser.get("/tickets/new").location
    back = parse_qs(urlsplit(asked).query)["next"][0]
    assert visitor.send(asked, "/sign-in", name="Mia", next=back).location == "/tickets/new"


@pytest.mark.parametrize("name", ["", "  ", "x" * 61])
def test_a_name_has_a_length(enter: Enter, name: str) -> None:
    assert enter().send("/sign-in", "/sign-in", name=name).status_code == 422


def test_the_cookie_is_signed_and_not_for_scripts(enter: Enter) -> None:
    mia = enter("Mia")
    cookie = mia.browser.get_cookie("session")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    mia.browser.set_cookie("session", cookie.value[:-2] + "xx")
    assert "Sign in" in mia.see("/")


def test_a_new_name_that_comes_twice_at_once_is_one_customer(
    enter: Enter, db: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.accounts._known", lambda _: None)  # neither saw the other
    assert [enter("Mia").see("/").count("Welcome back") for _ in range(2)] == [1, 1]
    assert db(select(Customer.name)) == [("Mia",)]


@pytest.mark.parametrize(
    "host",
    ["rebound.example", "rebound.example:8000", "localhost.rebound.example", "127.0.0.1.rebound.example"],
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/desk/", "/nothing", "/static/shop.css"])
def test_a_name_that_is_not_the_shops_own_is_no_shop(app: Flask, host: str, path: str) -> None:
    """A foreign site can point its name at this machine: then its pages are of the same origin as what answers."""
    for answer in (
        app.test_client().get(path, headers={"Host": host}),
        app.test_client().post(path, headers={"Host": host}),
    ):
        assert (answer.status_code, "csrf_token" in answer.text) == (400, False)


def test_a_shop_on_the_web_says_by_which_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHOP_HOSTS", "shop.example.com,.shop.example.org")
    app = create_app({"DATABASE_URL": f"sqlite:///{tmp_path}/shop.db"})
    assert app.test_client().get("/sign-in", headers={"Host": "eu.shop.example.org"}).status_code == 200
    assert app.test_client().get("/sign-in", headers={"Host": "localhost"}).status_code == 400
    app.extensions["engine"].dispose()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_link_to_a_page_but_neither_load_nor_send(enter: Enter, site: str) -> None:
    mia = enter("Mia")
    elsewhere = {"Sec-Fetch-Site": site}
    followed = {**elsewhere, "Sec-Fetch-Mode": "navigate"}
    assert mia.browser.get("/product/tea-01", headers=followed).status_code == 200
    for mode in ("no-cors", "cors", "websocket"):
        assert (
            mia.browser.get("/product/tea-01", headers={**elsewhere, "Sec-Fetch-Mode": mode}).status_code
            == 403
        )
    assert mia.browser.post("/sign-out", headers=followed).status_code == 403
