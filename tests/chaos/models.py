"""The models of a run: one that serves at once, one that is tried on a few first, and one of which a person is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lambdas.catalog import Catalog
from relearn.rollout import Canary
from relearn.spec import Ingest, Metric, ModelSpec, Retrain, Training
from tests.aws.models import FLOWERS, SAMPLES

PLAIN = replace(
    FLOWERS,
    metric=Metric("f1_macro", minimum=0.8),
    ingest=Ingest(max_bad_row_rate=0.3, max_bytes=20_000),
    training=Training(max_runtime_seconds=900),
)
TRIED = replace(PLAIN, name="herbs", title="Herbs", rollout=Canary(steps=(50,), bake_minutes=2))
APPROVAL_HOURS = 1
ASKED = replace(
    PLAIN,
    name="mosses",
    title="Mosses",
    retrain=Retrain(debounce_seconds=5, approval="manual", approval_hours=APPROVAL_HOURS),
)
SPECS: dict[str, ModelSpec] = {spec.name: spec for spec in (PLAIN, TRIED, ASKED)}
CATALOG = Catalog(
    specs=SPECS, samples=dict.fromkeys(SPECS, SAMPLES["flowers"]), folder=Path(__file__).parent / "none"
)
