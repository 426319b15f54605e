"""The features of template-model, on a few rows."""

from pathlib import Path
from typing import Any

from training import catalog
from training.features.proof import assert_point_in_time
from training.features.testing import compute

FOLDER = Path(__file__).resolve().parents[1]
SPEC = catalog.load_spec(FOLDER / "spec.py")
FEATURES = catalog.load_module(FOLDER / "features.py").features

# The orders reach from January to June: only the start of May has 90 days of them before it and 30 days after.
TABLES: dict[str, list[dict[str, Any]]] = {
    "customers": [{"customer_id": "c1", "since": "2026-01-01"}, {"customer_id": "c2", "since": "2026-01-01"}],
    "orders": [
        {"customer_id": "c1", "at": "2026-01-02", "amount": 5},
        {"customer_id": "c1", "at": "2026-04-30T12:00:00Z", "amount": 20},
        {"customer_id": "c2", "at": "2026-05-10", "amount": 7},
        {"customer_id": "c2", "at": "2026-06-02", "amount": 9},
    ],
}


def test_orders_of_the_last_90_days_count() -> None:
    first, _ = compute(SPEC, FEATURES, TABLES)
    assert (first["orders_90d"], first["spent_90d"], first["days_since_order"]) == (1, 20, 0.5)


def test_who_bought_nothing_lately_has_zeros_and_no_last_order() -> None:
    _, second = compute(SPEC, FEATURES, TABLES)
    assert (second["orders_90d"], second["spent_90d"], second["days_since_order"]) == (0, 0, None)


def test_who_buys_within_30_days_is_known_by_the_target_alone() -> None:
    first, second = compute(SPEC, FEATURES, TABLES)
    assert (first["outcome"], second["outcome"]) == ("nothing", "buys")


def test_a_customer_has_no_row_before_they_came() -> None:
    late = {"customers": [{"customer_id": "c1", "since": "2026-05-02"}], "orders": TABLES["orders"]}
    assert compute(SPEC, FEATURES, late) == []


def test_no_feature_sees_the_future() -> None:
    assert_point_in_time(SPEC, FEATURES, TABLES)
