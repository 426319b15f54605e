"""What is served of an entity at a moment is what training learns of it at that moment: one expression, two ways."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from relearn.api.request_schema import check_instance
from relearn.records import online_features
from relearn.spec.columns import DateTime
from tests.support.training_kit import write_shard
from training import catalog
from training.features import feature_set
from training.features.build import Features
from training.features.feature_set import Code, Paths
from training.features.testing import compute, rows_of
from training.fitting import fit

SPECS = catalog.load()
MODELS = [name for name, spec in SPECS.items() if spec.looked_up_by]
STRANGER = "stranger"
Tables = dict[str, list[dict[str, Any]]]


def code(model: str) -> tuple[Features, Path]:
    """Give a model's features, and its folder."""
    found = fit.Code.of(catalog.folder(model))
    assert found.features is not None
    return found.features, catalog.folder(model)


def raw(model: str) -> Tables:
    return {table: rows_of(path) for table, path in catalog.seeds(SPECS[model]).items()}


def known_then(model: str, tables: Tables, moment: datetime) -> Tables:
    """Tables as they were at a moment: cut there, and with one row of a stranger at that very moment."""
    spec, found = SPECS[model], {}
    for table in spec.tables:
        rows = tables[table.name]
        if table.time is not None:
            rows = [row for row in rows if datetime.fromisoformat(row[table.time]) <= moment]
        if spec.moments and table.name == spec.moments.table:
            rows = [*rows, {**rows[-1], str(spec.entity): STRANGER, str(table.time): moment.isoformat()}]
        found[table.name] = rows
    return found


def serve(model: str, tables: Tables, folder: Path) -> dict[str, dict[str, Any]]:
    """Let a job make features of tables; what is looked up of each entity, as the online table has it."""
    spec = SPECS[model]
    files = {
        table.name: [
            write_shard(folder / "shards" / table.name / "0.parquet", table.columns, tables[table.name])
        ]
        for table in spec.tables
    }
    (folder / "work").mkdir()
    left = folder / "online.jsonl"
    feature_set.make(spec, Code(*code(model)), files, Paths(folder / "shards", folder / "work", None, left))
    found = {}
    for line in left.read_bytes().splitlines():
        entity = json.loads(line)[spec.entity or ""]
        found[entity] = {
            str(spec.entity): entity,
            **json.loads(online_features.item(spec, 1, line)[online_features.COLUMNS]),
        }
    return found


@pytest.mark.parametrize("model", MODELS)
def test_for_every_entity_the_features_that_are_served_are_those_that_training_learns_of(
    model: str, tmp_path: Path
) -> None:
    spec, tables = SPECS[model], raw(model)
    learnt = compute(spec, code(model)[0], tables)
    for number, moment in enumerate(sorted({row["as_of"] for row in learnt})[3::3]):
        (tmp_path / str(number)).mkdir()
        served = serve(model, known_then(model, tables, moment), tmp_path / str(number))
        expected = {row[str(spec.entity)]: _instance(model, row) for row in learnt if row["as_of"] == moment}
        assert len(expected) > 50
        served.pop(STRANGER, None)
        assert served == expected
        assert not any(check_instance(spec, row) for row in served.values())


def _instance(model: str, row: dict[str, Any]) -> dict[str, Any]:
    """Columns of a training row as a request has them."""
    return {
        column.name: row[column.name].astimezone(UTC).isoformat()
        if isinstance(column, DateTime) and row[column.name]
        else row[column.name]
        for column in SPECS[model].columns
    }
