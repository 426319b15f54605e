"""A recommender on the laptop cloud: its seed is uploaded, it serves, and a new visitor's clicks reach the next version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.client import Stage, csv_bytes

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "products"
NEWCOMER = "newcomer"


@pytest.fixture(scope="module")
def shop(stage: Stage) -> Stage:
    """The stage once the first recommender serves and nothing is under way."""
    stage.wait_until_served(MODEL)
    return stage


def ask(shop: Stage, *instances: dict[str, Any]) -> list[dict[str, Any]]:
    predictions: list[dict[str, Any]] = shop.predict(MODEL, *instances)["predictions"]
    return predictions


def test_each_kind_of_question_is_answered_over_http(shop: Stage) -> None:
    history, similar, popular = ask(shop, {"visitor": "v0001"}, {"similar_to": "tea-03"}, {})
    assert [one["basis"] for one in (history, similar, popular)] == ["history", "similar", "popularity"]
    for one in (history, similar, popular):
        assert len({each["item"] for each in one["items"]}) == 10
    assert "tea-03" not in [each["item"] for each in similar["items"]]


def test_the_ledger_has_its_metrics_and_the_reason_why_it_serves(shop: Stage) -> None:
    run = next(run for run in shop.items(MODEL, "RUN#") if run.get("metrics"))
    assert set(run["metrics"]) == {"ndcg_at_k", "recall_at_k", "coverage_at_k"}


def test_what_a_newcomer_clicks_is_what_the_next_version_recommends_by(shop: Stage) -> None:
    before = shop.live_version(MODEL)
    assert ask(shop, {"visitor": NEWCOMER})[0]["basis"] == "popularity"
    clicks = [
        {
            "visitor": NEWCOMER,
            "product": f"pets-{number:02d}",
            "event": "view",
            "at": f"2026-07-01T10:{number:02d}Z",
        }
        for number in range(1, 7)
    ]
    version_id = shop.put(MODEL, "events/more.csv", csv_bytes(clicks))
    run = shop.run_of(MODEL, version_id, "PROMOTED", "REJECTED", "ROLLED_BACK", "FAILED")
    assert run["state"] == "PROMOTED", run
    shop.wait("the next recommender", lambda: shop.live_version(MODEL) > before)
    (answer,) = ask(shop, {"visitor": NEWCOMER})
    items = [each["item"] for each in answer["items"]]
    assert answer["basis"] == "history"
    assert sum(item.startswith("pets-") for item in items) >= 6
