"""``python -m demo --models churn``: the story of a model with tables goes to its end."""

from __future__ import annotations

import re

import pytest

from tests.e2e.variants import Variants

pytestmark = [pytest.mark.e2e, pytest.mark.local]


@pytest.fixture(scope="module")
def told(variants: Variants) -> str:
    return variants.story()


def test_both_tables_get_new_data_and_a_run_trains_on_it(told: str) -> None:
    for table in ("customers", "events"):
        assert f"/incoming/churn/{table}/seed.csv" in told
    assert "table customers: 1,200 rows of 1 upload" in told


def test_features_reports_and_metrics_are_shown(told: str) -> None:
    assert re.search(r"features: \d+ rows, SHA-256 [0-9a-f]{64}", told)
    assert re.search(r"roc_auc +0\.\d{4}", told)
    assert re.search(r"s3://\S+/reports/churn/\S+/report\.html", told)


def test_an_entity_is_asked_about_and_the_new_version_answers(told: str) -> None:
    assert re.search(r'predict with \{"customer_id": "c\d+"\}', told)
    version = re.search(r"version (\d+) answers: (stays|leaves)", told)
    assert version is not None
    assert int(version[1]) >= 2
    assert f"version {version[1]} of churn answers: http" in told
