"""Models of a run: one plain, one with a canary, one with manual approval, one with a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lambdas.runtime.catalog import Catalog
from relearn.spec.model import DateTime, Id, Ingest, Metric, ModelSpec, Retrain, Table, Training
from relearn.spec.rollout import Canary
from tests.support.models import FLOWERS, SAMPLES

PLAIN = replace(
    FLOWERS,
    metric=Metric("f1_macro", minimum=0.8),
    ingest=Ingest(max_bad_row_rate=0.3, max_bytes=80_000),
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
TABLE, TIME = "sightings", "at"
DATED = replace(
    PLAIN,
    name="ponds",
    title="What blooms at ponds",
    columns=(Id("pond", optional=True), *PLAIN.columns),
    entity="pond",
    tables=(Table(TABLE, columns=(Id("pond"), DateTime(TIME), *PLAIN.columns, PLAIN.target), time=TIME),),
    ingest=Ingest(max_bad_row_rate=0.3, max_bytes=2_000_000),
)
"""Its rows have times, so they can lie in the future, and its files may be large."""
ORDINARY = (PLAIN.name, TRIED.name, ASKED.name)
"""Models whose rows have no time; random uploads are for these."""
SPECS: dict[str, ModelSpec] = {spec.name: spec for spec in (PLAIN, TRIED, ASKED, DATED)}


def features(tables: Mapping[str, Any]) -> Any:
    """Return the features of `DATED`: each sighting as of its time."""
    return tables[TABLE].rename(as_of=TIME)


CATALOG = Catalog(
    specs=SPECS, samples=dict.fromkeys(SPECS, SAMPLES["flowers"]), folder=Path(__file__).parent / "none"
)
