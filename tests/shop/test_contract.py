"""What the shop sends is what the models' specs take."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from relearn.spec.model import Category, ModelSpec, Text
from shop import ml
from shop.commands import CATALOGUE
from shop.tables import EVENTS, MAX_BODY, MAX_SUBJECT, QUEUES
from training import catalog

SPECS = catalog.load()


def tickets() -> ModelSpec:
    return SPECS["tickets"]


def test_the_queues_are_the_models() -> None:
    assert tickets().target.name == "queue"
    assert tickets().classes == QUEUES


def test_a_ticket_that_the_shop_takes_the_model_takes() -> None:
    lengths = {one.name: one.max_length for one in tickets().columns if isinstance(one, Text)}
    assert lengths == {"subject": MAX_SUBJECT, "body": MAX_BODY}


def test_a_file_of_tickets_may_be_small_and_of_one_queue() -> None:
    assert tickets().ingest.allow_one_class
    assert tickets().ingest.min_rows == 1


def test_files_have_the_columns_of_the_tables() -> None:
    assert ml.HEADERS["tickets"] == (*(one.name for one in tickets().columns), tickets().target.name)
    if "products" in SPECS:
        [table] = SPECS["products"].tables
        assert {"products": table.name} == ml.TABLES
        assert ml.HEADERS["products"] == tuple(one.name for one in table.columns)
        [event] = [one for one in table.columns if isinstance(one, Category)]
        assert event.values == EVENTS


@pytest.mark.skipif("products" not in SPECS, reason="the model is not here")
def test_the_catalogue_has_every_product_of_the_history() -> None:
    with CATALOGUE.open(encoding="utf-8", newline="") as lines:
        known = {row["id"] for row in csv.DictReader(lines)}
    [file] = catalog.seeds(SPECS["products"]).values()
    with Path(file).open(encoding="utf-8", newline="") as lines:
        assert {row["product"] for row in csv.DictReader(lines)} <= known
