"""A model whose features are looked up by entity: flowers of guests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambdas.runtime.catalog import Catalog
from relearn.lifecycle.runs import Run
from relearn.spec.model import Category, DateTime, Id, Monthly, Number, Table
from tests.support import world as worlds
from tests.support.models import FLOWERS
from tests.support.world import World

MODEL = "guests"
GUESTS = replace(
    FLOWERS,
    name=MODEL,
    title="Flowers of guests",
    columns=(
        Id("guest", optional=True, private=True),
        *FLOWERS.columns,
        Category("mood", values=("sunny", "rainy"), optional=True),
        Number("age", optional=True, private=True),
    ),
    entity="guest",
    tables=(Table("visits", columns=(Id("guest"), DateTime("at")), time="at"),),
    moments=Monthly(table="visits", history_days=1, label_days=1),
)
SAMPLE = [{"length": 3.0, "width": 1.0}]
AS_OF = "2026-05-04T09:00:00Z"


def row(guest: str, length: float, **more: Any) -> dict[str, Any]:
    """Return one row of the online features that a training job writes."""
    return {
        "guest": guest, "as_of": AS_OF, "length": length, "width": 1.0, "mood": None, "age": 40.0, **more,
    }  # fmt: skip


ROWS = [row("ann", 3.0, mood="sunny"), row("ben", 9.0), row("çem", 0.10000000149011612)]


def with_guests(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Return the tests' catalog with this model added."""
    monkeypatch.setitem(worlds.SPECS, MODEL, GUESTS)
    return replace(
        catalog, specs={**catalog.specs, MODEL: GUESTS}, samples={**catalog.samples, MODEL: SAMPLE}
    )


def begin(world: World, rows: list[dict[str, Any]], name: str = "a.csv") -> None:
    """Upload data; the run that it starts writes the given online features."""
    world.score[MODEL] = 0.9
    world.online[MODEL] = rows
    world.send(b"guest,at\nann,2026-05-04T09:00:00Z\n", f"incoming/{MODEL}/visits/{name}")


def serve(world: World, *versions: list[dict[str, Any]]) -> Run:
    """Run once for each list of online features, and return the last run."""
    for number, rows in enumerate(versions):
        begin(world, rows, f"{number}.csv")
        run = world.run(MODEL)
    return run


def items(world: World) -> dict[int, int]:
    """Return the number of items in the online table by version."""
    found: dict[int, int] = {}
    for item in world.dynamodb.scan(TableName="online")["Items"]:
        version = int(item["pk"]["S"].split("#")[1])
        found[version] = found.get(version, 0) + 1
    return found
