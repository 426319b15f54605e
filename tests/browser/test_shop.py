"""The shop in a real browser, beside its models: as a visitor and as an agent see it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.pages import Watched
from tests.e2e.clouds import ROOT
from tests.e2e.shopping.shop import AGENT, Shop

pytestmark = [pytest.mark.e2e, pytest.mark.local]

SUBJECT = "パスワードを忘れました"
BODY = "パスワードを忘れてしまい、アカウントにログインできません。再設定の方法を教えてください。"
GAMES = [f"games-{number:02}" for number in range(1, 7)]
SIZE = {"width": 1100, "height": 700}
MOST_BYTES = 150_000

Enter = Callable[[str], Watched]
Picture = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def enter(browser: Browser, shop: Shop) -> Enter:
    """Let somebody sign in, in a browser window of their own."""

    def signed_in(name: str) -> Watched:
        window = browser.new_context(viewport=SIZE, locale="en-GB", base_url=shop.url)  # type: ignore[arg-type]
        watched = Watched(window.new_page())
        watched.page.goto("/sign-in")
        watched.page.get_by_label("Your name").fill(name)
        watched.page.get_by_role("button", name="Sign in").click()
        expect(watched.page.get_by_role("button", name="Sign out")).to_be_visible()
        return watched

    return signed_in


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Picture:
    """Take a picture of a page; it is kept in docs/images with ``--screenshots`` alone."""
    folder = ROOT / "docs" / "images" if request.config.getoption("--screenshots") else tmp_path

    def taken(page: Page, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        image = page.screenshot(path=folder / f"shop-{name}.png")
        assert len(image) < MOST_BYTES

    return taken


@pytest.fixture(scope="module")
def ticket(enter: Enter, shop: Shop) -> Watched:
    """The page of a ticket that a visitor wrote in Japanese, once the model answered for one."""
    hanako = enter("山田花子")
    for _ in range(60):
        write(hanako.page)
        number = int(hanako.page.url.rsplit("/", 1)[-1])
        if shop.enter(AGENT).suggestion(number):
            return hanako
        hanako.page.wait_for_timeout(1000)
    raise AssertionError("the model answered for no ticket")


@pytest.fixture
def silent(shop: Shop) -> Iterator[None]:
    """Let the API take calls and answer none."""
    os.kill(shop.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(shop.pid, signal.SIGCONT)


def test_recommendations_change_after_clicks_and_a_retrain(
    enter: Enter, shop: Shop, picture: Picture
) -> None:
    ren = enter("蓮")
    expect(ren.page.locator("#for-you")).to_have_count(0)
    for product in GAMES:
        ren.page.goto(f"/product/{product}")
        ren.page.get_by_role("button", name="Add to basket").click()
    before = shop.version("products")
    run = shop.export()["products"]
    assert run["state"] == "PROMOTED", run["reason"]
    assert shop.version("products") == before + 1
    chosen = opened(ren.page, "/", "for-you")
    assert sum(product.startswith("games") for product in chosen) > len(chosen) / 2
    picture(ren.page, "recommendations")


def test_a_ticket_in_japanese_goes_to_its_queue(ticket: Watched, picture: Picture) -> None:
    expect(ticket.page.get_by_role("heading", level=1)).to_have_text(SUBJECT)
    expect(ticket.page.locator("#queue .queue")).to_have_text("Account")
    picture(ticket.page, "ticket")


def test_an_agent_corrects_the_queue_and_the_visitor_sees_it(
    ticket: Watched, enter: Enter, picture: Picture
) -> None:
    agent = enter(AGENT)
    agent.page.get_by_role("link", name="Desk").click()
    picture(agent.page, "desk")
    agent.page.locator("#tickets").get_by_role("link", name=SUBJECT).first.click()
    expect(agent.page.locator("#suggestion")).to_contain_text("Account")
    agent.page.get_by_label("Queue").select_option("product")
    agent.page.get_by_role("button", name="Set queue").click()
    decided = agent.page.locator("#queue")
    expect(decided).to_have_text("Product decided by person")
    assert_on_one_line(decided)
    picture(agent.page, "correction")
    ticket.page.reload()
    expect(ticket.page.locator("#queue .queue")).to_have_text("Product")


def test_a_product_page_shows_what_is_similar(enter: Enter, picture: Picture) -> None:
    page = enter("Ada").page
    similar = opened(page, "/product/tea-01", "similar")
    assert len(similar) == 4
    assert "tea-01" not in similar
    picture(page, "product")


def test_without_the_api_the_shop_stays_up(enter: Enter, silent: None, picture: Picture) -> None:
    assert silent is None
    grace = enter("Grace")
    grace.page.goto("/product/tea-01")
    expect(grace.page.locator("#related li.tile")).to_have_count(4)
    grace.page.goto("/")
    expect(grace.page.locator("#popular li.tile").first).to_be_visible()
    write(grace.page)
    expect(grace.page.locator("#queue")).to_contain_text("A person will read it")
    picture(grace.page, "without-api")


@pytest.mark.parametrize("path", ["/", "/product/tea-01", "/tickets/new", "/desk/"])
def test_the_browser_has_nothing_to_complain_of(enter: Enter, shop: Shop, path: str) -> None:
    agent = enter(AGENT)
    agent.page.goto(path)
    agent.page.evaluate("1")  # takes in what is still unread
    assert agent.complaints == []
    assert [url for url in agent.requests if not url.startswith(shop.url)] == []


def assert_on_one_line(shown: Locator) -> None:
    height = shown.evaluate("element => element.getBoundingClientRect().height")
    assert height < 2 * shown.evaluate("element => parseFloat(getComputedStyle(element).lineHeight)")


def write(page: Page) -> None:
    page.goto("/tickets/")
    page.get_by_role("link", name="Write a ticket").click()
    page.get_by_label("Subject").fill(SUBJECT)
    page.get_by_label("Message").fill(BODY)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(r"/tickets/\d+$"))


def opened(page: Page, path: str, shelf: str) -> list[str]:
    """Open a page until the model answered in time and its shelf is there; which products are on it."""
    tiles = page.locator(f"#{shelf} [data-product]")
    for _ in range(60):
        page.goto(path)
        if tiles.count():
            return [str(tile.get_attribute("data-product")) for tile in tiles.all()]
        page.wait_for_timeout(1000)
    raise AssertionError(f"{path} never had a shelf {shelf}")
