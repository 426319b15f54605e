"""Sandbox models are served as any other, and no list shows them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.runtime.catalog import Catalog
from lambdas.serving.model_views import Models
from relearn.errors import NotFoundError
from tests.support.models import FLOWERS

SPECS = {"flowers": FLOWERS, "verify": replace(FLOWERS, name="verify")}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(specs=SPECS, samples={name: [] for name in SPECS}, folder=tmp_path)


@pytest.fixture
def models(catalog: Catalog) -> Models:
    """A stage on which the sandbox model serves nothing."""
    champions = {"flowers": 1, "verify": 0}
    ledger: Any = SimpleNamespace(route=lambda model: SimpleNamespace(champion=champions[model]))
    return Models(ledger=ledger, catalog=catalog)


def about(model: str = "") -> Any:
    return SimpleNamespace(parameters={"model": model})


def test_the_list_of_models_leaves_them_out(models: Models) -> None:
    assert [one["name"] for one in models.list_models(about())["models"]] == ["flowers"]


def test_the_server_is_ready_without_them(models: Models) -> None:
    assert models.server_ready(about())["ready"] is True


def test_they_are_found_by_name(models: Models) -> None:
    assert models.model_metadata(about("verify"))["name"] == "verify"
    with pytest.raises(NotFoundError):
        models.model_metadata(about("verify2"))


def test_they_have_no_seed_that_a_deployment_would_upload(catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.seeds("verify") == {}
    assert catalog.seeds("flowers") == {"main": tmp_path / "flowers" / "main.csv"}
