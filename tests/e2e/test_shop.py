"""The shop's story: its people use it, what they decide and click goes out with an export, and better models serve."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest

from tests.e2e.client import Item
from tests.e2e.shopping.shop import AGENT, Shop
from training import catalog
from training.models.tickets.generate import gift_cards, tickets

pytestmark = [pytest.mark.e2e, pytest.mark.local]

RARE = gift_cards(40, seed=501)
"""Tickets about gift cards, which are for billing; the history has nearly none."""
ORDINARY = tickets(24, seed=503)
LATER = gift_cards(20, seed=502)
FAN, NEW_TASTE = "v0001", "pets"
"""A customer of the history who never looked at anything for pets."""


@pytest.fixture(scope="module")
def ordinary(shop: Shop) -> list[tuple[str, str]]:
    """Where tickets went of their own, and where they belong, which an agent then decided."""
    customer, agent = shop.enter("Ada"), shop.enter(AGENT)
    went = []
    for one in ORDINARY:
        number = shop.ticket(customer, one.subject, one.body)
        went.append((customer.queue(number), one.queue))
        agent.sorts(number, one.queue)
    return went


@pytest.fixture(scope="module")
def before(shop: Shop) -> list[str]:
    """What version 1 suggested for tickets about gift cards that an agent then put into the right queue."""
    assert shop.version("tickets") == 1
    customer, agent = shop.enter("花子"), shop.enter(AGENT)
    said = []
    for one in RARE:
        number = shop.ticket(customer, one.subject, one.body)
        said.append(agent.suggestion(number))
        agent.sorts(number, one.queue)
        assert customer.queue(number) == "billing"
    return said


@pytest.fixture(scope="module")
def chosen_before(shop: Shop) -> list[str]:
    """What version 1 chose for a customer, who then buys what they never looked at before."""
    assert not held_out(FAN), "no model learns the latest events of who is held out"
    fan = shop.enter(FAN)
    chosen = shop.chosen(fan)
    for number in range(1, 7):
        fan.buys(f"{NEW_TASTE}-{number:02}")
    return chosen


@pytest.fixture(scope="module")
def second(
    shop: Shop, ordinary: list[tuple[str, str]], before: list[str], chosen_before: list[str]
) -> dict[str, Item]:
    """The runs of the export of all that."""
    assert ordinary
    assert before
    assert chosen_before
    return shop.export()


def test_the_first_version_of_both_models_learned_the_shops_history(shop: Shop) -> None:
    assert [shop.version(model) for model in ("tickets", "products")] == [1, 1]


def test_a_ticket_goes_to_its_queue_by_itself_where_the_model_is_sure(
    ordinary: list[tuple[str, str]],
) -> None:
    by_itself = [(went, right) for went, right in ordinary if went != "unsorted"]
    assert len(by_itself) > len(ordinary) / 4
    assert sum(went == right for went, right in by_itself) > 0.8 * len(by_itself)


def test_what_an_agent_decides_is_told_as_feedback(shop: Shop, second: dict[str, Item]) -> None:
    assert second
    with sqlite3.connect(shop.services.folder / "shop.db") as database:
        query = """SELECT count(*), sum(told) FROM suggestions JOIN tickets ON tickets.id = ticket_id
            WHERE decided_by = 'person'"""
        decided, told = database.execute(query).fetchone()
    assert decided == told == len(RARE) + len(ORDINARY)


def test_what_was_exported_makes_a_new_version_of_each_model(second: dict[str, Item]) -> None:
    assert {model: run["state"] for model, run in second.items()} == {
        "tickets": "PROMOTED",
        "products": "PROMOTED",
    }, {model: run["reason"] for model, run in second.items()}


def test_the_corrected_class_is_known_better_on_the_same_holdout(shop: Shop, second: dict[str, Item]) -> None:
    report = shop.report("tickets", second["tickets"])
    new, old = report["candidate"]["per_class"]["billing"], report["champion"]["per_class"]["billing"]
    assert new["support"] == old["support"]
    assert new["recall"] > old["recall"]
    assert new["f1"] > old["f1"]


def test_the_running_shop_is_answered_by_the_new_version(
    shop: Shop, before: list[str], second: dict[str, Item]
) -> None:
    assert [shop.version(model) for model in ("tickets", "products")] == [2, 2], second
    shop.services.check()
    customer, agent = shop.enter("Grace"), shop.enter(AGENT)
    after = [agent.suggestion(shop.ticket(customer, one.subject, one.body)) for one in LATER]
    assert right(after) > right(before) + 0.3


def test_recommendations_follow_what_was_bought(
    shop: Shop, chosen_before: list[str], second: dict[str, Item]
) -> None:
    assert second
    chosen = shop.chosen(shop.enter(FAN))
    assert of_new_taste(chosen_before) < of_new_taste(chosen)
    assert not {f"{NEW_TASTE}-{number:02}" for number in range(1, 7)} & set(chosen)


def test_nothing_is_exported_twice(shop: Shop, second: dict[str, Item]) -> None:
    assert second
    assert shop.export() == {}


def right(said: list[str]) -> float:
    """Share of the tickets about gift cards that a model took for billing."""
    return sum(queue == "billing" for queue in said) / len(said)


def held_out(visitor: str) -> bool:
    """Tell whether a model is judged by a visitor's latest events: `training.data.split` says how it is chosen."""
    share = catalog.get("products").training.holdout
    return int(hashlib.md5(visitor.encode(), usedforsecurity=False).hexdigest()[:8], 16) < share * 2**32


def of_new_taste(products: list[str]) -> int:
    return sum(product.startswith(NEW_TASTE) for product in products)
