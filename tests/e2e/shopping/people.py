"""People in the shop: what they can do with a browser, over HTTP."""

from __future__ import annotations

import re
from html import unescape

import httpx

FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
QUEUE = re.compile(r'class="queue (\w+)"')
SUGGESTION = re.compile(r'id="suggestion">The model suggests (\w+),')
TILE = re.compile(r'data-product="([^"]+)"')
SECONDS = 30


class Person:
    """Somebody who signed in.

    Parameters
    ----------
    url
        Of the shop.
    name
        A new one makes a new customer.
    """

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._browser = httpx.Client(base_url=url, timeout=SECONDS)
        self._send("/sign-in", "/sign-in", name=name)

    def see(self, path: str) -> str:
        """Open a page; its HTML with entities resolved."""
        answer = self._browser.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return unescape(answer.text)

    def writes(self, subject: str, body: str) -> int:
        """Write a ticket; its number."""
        return int(self._send("/tickets/new", "/tickets/new", subject=subject, body=body).rsplit("/", 1)[-1])

    def queue(self, ticket: int) -> str:
        """Which queue a ticket of one's own is in; ``unsorted`` while nobody decided."""
        found = QUEUE.search(self.see(f"/tickets/{ticket}"))
        return found[1] if found else "unsorted"

    def buys(self, product: str) -> None:
        """Look at a product, put it into the basket, buy it."""
        self._send(f"/product/{product}", "/basket/add", product=product)
        self._send("/basket", "/basket/buy")

    def chosen(self) -> list[str]:
        """Which products the first page chose for this person; none when it chose none."""
        page = self.see("/")
        start = page.find('id="for-you"')
        return TILE.findall(page[start : page.find("</section>", start)]) if start >= 0 else []

    def sorts(self, ticket: int, queue: str) -> None:
        """Put a ticket into a queue, as an agent."""
        self._send(f"/desk/{ticket}", f"/desk/{ticket}/queue", queue=queue)

    def suggestion(self, ticket: int) -> str:
        """Read what the model suggests to agents for a ticket; empty when it did not answer in time."""
        found = SUGGESTION.search(self.see(f"/desk/{ticket}"))
        return found[1].lower() if found else ""

    def leaves(self) -> None:
        """Close the browser."""
        self._browser.close()

    def _send(self, page: str, action: str, **fields: str) -> str:
        """Fill the form of a page and send it; where it leads."""
        token = FORM_TOKEN.search(self.see(page))
        assert token, f"{page} has no form"
        answer = self._browser.post(action, data={"csrf_token": token[1], **fields})
        assert answer.status_code == 302, (action, answer.status_code, answer.text)
        return answer.headers["location"]
