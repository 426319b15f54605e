"""Small models for tests, a classification and a regression, with data that fits them."""

from __future__ import annotations

from typing import Any

from relearn.spec.model import (
    Category,
    DateTime,
    Hyperparameter,
    Id,
    Ingest,
    Metric,
    ModelSpec,
    Monthly,
    Number,
    Retrain,
    Table,
    Text,
)

FLOWERS = ModelSpec(
    name="flowers",
    title="Flowers",
    columns=(Number("length", minimum=0, maximum=100), Number("width", minimum=0, maximum=100)),
    target=Category("kind", values=("rose", "tulip")),
    metric=Metric("f1_macro", minimum=0.8),
    retrain=Retrain(debounce_seconds=5),
    ingest=Ingest(max_bad_row_rate=0.3, max_bytes=100_000),
    hyperparameters=(Hyperparameter("depth", default=3, minimum=1, maximum=9),),
)
LOOKED_UP = ModelSpec(
    name="m",
    title="m",
    columns=(Number("a"), Number("b", optional=True), Id("who", optional=True)),
    target=Number("y"),
    metric=Metric("mae", maximum=1),
    entity="who",
    tables=(Table("raw", columns=(DateTime("at"),), time="at"),),
    moments=Monthly(table="raw", history_days=1, label_days=1),
)
PRICES = ModelSpec(
    name="prices",
    title="Prices",
    columns=(Number("area"), Text("owner", optional=True, private=True)),
    target=Number("price"),
    metric=Metric("mae", maximum=10.0),
)
SAMPLES: dict[str, list[dict[str, Any]]] = {
    "flowers": [{"length": 3.0, "width": 1.0}, {"length": 9.0, "width": 4.0}],
    "prices": [{"area": 50.0}],
}
FLOWERS_CSV = b"length,width,kind\n" + b"3,1,rose\n9,4,tulip\n" * 10
PRICES_CSV = b"area,price\n" + b"50,100\n60,120\n" * 10


def flowers_csv(*extra: str) -> bytes:
    """Return a CSV of rows that fit FLOWERS, followed by the given lines."""
    return FLOWERS_CSV + "".join(f"{line}\n" for line in extra).encode()
