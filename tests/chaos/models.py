"""The models of a run: one that serves at once, and one whose candidates are tried on a few first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lambdas.catalog import Catalog
from relearn.rollout import Canary
from relearn.spec import Ingest, Metric, ModelSpec, Training
from tests.aws.models import FLOWERS, SAMPLES

PLAIN = replace(
    FLOWERS,
    metric=Metric("f1_macro", minimum=0.8),
    ingest=Ingest(max_bad_row_rate=0.3, max_bytes=20_000),
    training=Training(max_runtime_seconds=900),
)
TRIED = replace(PLAIN, name="herbs", title="Herbs", rollout=Canary(steps=(50,), bake_minutes=2))
SPECS: dict[str, ModelSpec] = {spec.name: spec for spec in (PLAIN, TRIED)}
CATALOG = Catalog(
    specs=SPECS, samples=dict.fromkeys(SPECS, SAMPLES["flowers"]), folder=Path(__file__).parent / "none"
)
