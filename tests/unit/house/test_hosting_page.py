"""What docs/how-to/HOSTING.md says of costs is computed from one dated file of prices."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import costs

FILE: dict[str, Any] = json.loads(costs.PRICES.read_text())
USES = st.builds(
    costs.Usage,
    title=st.just("any"),
    model_ms=st.floats(0.1, 1000),
    serverless_mb=st.sampled_from([1024, 6144]),
    host_mb=st.integers(256, 10_240),
    minimum=st.integers(1, 5),
    peak=st.floats(1, 20),
)


def test_the_tables_of_the_page_are_those_that_the_prices_give() -> None:
    text = costs.PAGE.read_text()
    assert text == costs.page(text), "run `make costs`"
    assert costs.tables(costs.load()) in text


def test_the_prices_have_a_date_a_region_and_a_currency() -> None:
    assert date.fromisoformat(FILE["date"])
    assert (FILE["region"], FILE["currency"]) == ("us-east-1", "USD")


@pytest.mark.parametrize("name", FILE["prices"])
def test_every_price_says_of_what_it_is_and_where_it_was_read(name: str) -> None:
    price = FILE["prices"][name]
    assert price["usd"] > 0
    assert price["per"] >= 1
    assert price["unit"]
    assert price["source"].startswith("https://aws.amazon.com/")
    assert price["seen"]
    assert isinstance(price["verified"], bool)


@pytest.mark.parametrize("name", FILE["prices"])
def test_every_price_is_part_of_a_cost(name: str) -> None:
    dearer = {**costs.load(), name: 2 * costs.load()[name]}
    told = [
        (costs.month(prices, costs.SMALL, 1_000_000), costs.idle(prices)) for prices in (dearer, costs.load())
    ]
    assert told[0] != told[1]


@given(use=USES, requests=st.integers(0, 10**9), more=st.integers(1, 10**9))
def test_more_requests_never_cost_less(use: costs.Usage, requests: int, more: int) -> None:
    prices = costs.load()
    few, many = (costs.month(prices, use, count) for count in (requests, requests + more))
    for mode in costs.MODES:
        assert sum(few[mode].values()) < sum(many[mode].values())


@given(use=USES)
def test_while_nobody_asks_only_instances_are_paid_those_of_two_versions(use: costs.Usage) -> None:
    idle = {mode: sum(items.values()) for mode, items in costs.month(costs.load(), use, 0).items()}
    hours = 2 * use.minimum * costs.HOURS
    assert idle["Realtime"] == pytest.approx(hours * FILE["prices"]["sagemaker_hosting_hour"]["usd"])
    assert idle["Serverless"] == idle["InLambda"] == 0


@given(use=USES, requests=st.integers(0, 10**9))
def test_there_are_instances_enough_for_the_busiest_minute(use: costs.Usage, requests: int) -> None:
    serving = costs.instances(use, requests) - use.minimum
    busiest = requests / costs.MINUTES * use.peak
    assert serving * use.target >= busiest
    assert serving == use.minimum or (serving - 1) * use.target < busiest


@given(use=USES)
def test_from_the_break_even_on_instances_cost_less_and_just_before_they_do_not(use: costs.Usage) -> None:
    prices = costs.load()

    def cheaper(requests: int) -> bool:
        found = costs.month(prices, use, requests)
        return sum(found["Realtime"].values()) < sum(found["Serverless"].values())

    if found := costs.break_even(prices, use, "Serverless"):
        assert cheaper(found)
        assert not cheaper(found // 2)
