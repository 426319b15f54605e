"""The features of churn, on a few rows; that they keep to the time; and that the model needs them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from preparation import prepare
from training import catalog
from training.data import dataset
from training.features.build import Features
from training.features.proof import assert_point_in_time
from training.features.testing import compute, rows_of
from training.fitting.fit import Code, fit, frame
from training.job import snapshot
from training.models.churn import generate

SPEC = catalog.get("churn")
CODE = Code.of(catalog.folder("churn"))
FEATURES: Features = vars(catalog.load_module(catalog.folder("churn") / "features.py"))["features"]
SEEDS = {table: rows_of(path) for table, path in catalog.seeds(SPEC).items()}
MADE_OF_EVENTS = (
    "visits_30d",
    "visits_90d",
    "days_since_visit",
    "spend_90d",
    "tickets_30d",
    "failed_payments_30d",
)


def customer(name: str = "c1", signed_up: str = "2025-01-01", **changes: str) -> dict[str, Any]:
    return {"customer_id": name, "signed_up": signed_up, "plan": "plus", "channel": "friend", **changes}


def event(at: str, kind: str, amount: float | None = None, *, of: str = "c1") -> dict[str, Any]:
    return {"customer_id": of, "at": at, "kind": kind, "amount": amount}


REACH = [event("2025-01-02", "visit", of="other"), event("2025-05-31", "visit", of="other")]
"""Of all starts of months, that of May alone has 90 days of this before it and 30 after it."""
LATER = event("2025-07-01", "visit", of="other")
"""With it, that of June has too."""


def features_of(*events: dict[str, Any], **changes: str) -> dict[str, dict[str, Any]]:
    """The features of one customer: month to row."""
    rows = compute(SPEC, FEATURES, {"customers": [customer(**changes)], "events": [*REACH, *events]})
    return {f"{row['as_of']:%b}": row for row in rows}


def test_a_customer_has_a_row_for_every_month_with_history_before_and_an_outcome_after() -> None:
    assert [row["as_of"] for row in features_of().values()] == [datetime(2025, 5, 1, tzinfo=UTC)]
    assert list(features_of(LATER)) == ["May", "Jun"]


def test_a_customer_who_did_nothing_has_zeros_and_no_last_visit() -> None:
    may = features_of()["May"]
    assert {name: may[name] for name in MADE_OF_EVENTS} == {
        "visits_30d": 0, "visits_90d": 0, "days_since_visit": None,
        "spend_90d": 0, "tickets_30d": 0, "failed_payments_30d": 0,
    }  # fmt: skip
    assert (may["tenure_days"], may["plan"], may["channel"], may["outcome"]) == (
        120,
        "plus",
        "friend",
        "stays",
    )


def test_events_count_in_the_windows_they_fall_into() -> None:
    may = features_of(
        event("2025-01-31", "visit"),  # 90 days before, to the second: out of every window
        event("2025-03-01", "visit"),
        event("2025-03-01", "purchase", 10.5),
        event("2025-04-30T12:00:00Z", "visit"),
        event("2025-04-20", "ticket"),
        event("2025-03-20", "ticket"),
        event("2025-04-21", "payment_failed"),
    )["May"]
    assert {name: may[name] for name in MADE_OF_EVENTS} == {
        "visits_30d": 1, "visits_90d": 2, "days_since_visit": 0.5,
        "spend_90d": 10.5, "tickets_30d": 1, "failed_payments_30d": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("at", "outcome"),
    [("2025-05-01T00:01:00Z", "leaves"), ("2025-05-31", "leaves"), ("2025-05-31T00:01:00Z", "stays")],
)
def test_who_cancels_within_30_days_leaves(at: str, outcome: str) -> None:
    assert features_of(event(at, "cancel"))["May"]["outcome"] == outcome


def test_who_has_left_has_no_more_rows() -> None:
    assert list(features_of(event("2025-05-01T00:01:00Z", "cancel"), LATER)) == ["May"]


def test_who_has_not_come_yet_has_no_row() -> None:
    assert list(features_of(LATER, signed_up="2025-05-02")) == ["Jun"]


def test_what_others_do_does_not_count() -> None:
    assert features_of(event("2025-04-20", "visit", of="c2"))["May"]["visits_30d"] == 0


def test_a_feature_that_sees_the_future_is_caught() -> None:
    def leaking(tables: Any) -> ibis.Table:
        events = tables["events"]
        ever = events.group_by("customer_id").aggregate(ever=(events["kind"] == "visit").sum())
        honest: Any = FEATURES(tables)
        joined = honest.left_join(ever, "customer_id")
        return joined.select(
            *(joined[name] for name in honest.columns if name != "visits_90d"),
            visits_90d=joined["ever"].fill_null(0),
        )

    with pytest.raises(AssertionError, match=r"see the future: .* visits_90d was"):
        assert_point_in_time(SPEC, leaking, SEEDS)


def test_the_model_needs_the_features_made_of_events(tmp_path: Path) -> None:
    for table, seed in catalog.seeds(SPEC).items():
        shard = prepare(SPEC, seed, seed.name, tmp_path / "prepared", table=table).shard
        assert shard is not None
        folder = (
            tmp_path / "train" / "datasets" / "churn" / table
        )  # SageMaker may keep the whole key of a shard
        folder.mkdir(parents=True)
        shard.rename(folder / "seed.parquet")
    data = snapshot.load(SPEC, tmp_path / "train")
    assert area(data) > area(data, without=MADE_OF_EVENTS) + 0.1


def area(data: dataset.Dataset, without: tuple[str, ...] = ()) -> float:
    """Area under the ROC curve on the holdout, of the model with some features always zero."""

    def blind(table: dataset.Table) -> dataset.Table:
        zero = {name: np.zeros(len(table), np.float32) for name in without}
        return dataset.Table({**table.columns, **zero}, table.target)

    declared = {parameter.name: parameter.default for parameter in SPEC.hyperparameters}
    estimator = fit(SPEC, CODE, declared, blind(data.train))
    leaves = list(estimator.classes_).index("leaves")
    scores = estimator.predict_proba(frame(blind(data.holdout).columns))[:, leaves]
    return float(roc_auc_score(data.holdout.target == "leaves", scores))


def test_the_generator_gives_the_seed_again(tmp_path: Path) -> None:
    generate.write(300, 1, tmp_path)
    for table, seed in catalog.seeds(SPEC).items():
        assert (tmp_path / f"{table}.csv").read_bytes() == seed.read_bytes()
