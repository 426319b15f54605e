"""Conversion of a spec to plain JSON and back, and the digest of a spec.

Lambda functions carry specs as data, so a handler never imports a model's code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from relearn.errors import SpecError
from relearn.spec import hosting, rollout, zones
from relearn.spec.columns import COLUMN_TYPES, Column
from relearn.spec.model import (
    Engine,
    Hyperparameter,
    Ingest,
    Metric,
    ModelSpec,
    Monthly,
    Retrain,
    Table,
    Threshold,
    Training,
)
from relearn.spec.quality import Quality, Reference


def to_dict(spec: ModelSpec) -> dict[str, Any]:
    """Return ``spec`` as JSON-ready data; `from_dict` reads it back equal."""
    data = asdict(spec)
    data["columns"] = [_column_to_dict(column) for column in spec.columns]
    data["target"] = _column_to_dict(spec.target)
    data["tables"] = [_table_to_dict(table) for table in spec.tables]
    data["hosting"] = hosting.to_dict(spec.hosting)
    data["rollout"] = rollout.to_dict(spec.rollout)
    data["shadow"] = rollout.shadow_to_dict(spec.shadow)
    return data


def from_dict(data: dict[str, Any]) -> ModelSpec:
    """Build a spec from data that `to_dict` returned.

    Raises
    ------
    SpecError
        The data is not a spec, or breaks a rule of specs.
    """
    target = _column_from_dict(data["target"])
    return ModelSpec(
        name=data["name"],
        title=data["title"],
        columns=tuple(_column_from_dict(column) for column in data["columns"]),
        target=target,  # type: ignore[arg-type]  # ModelSpec checks it and says what is allowed
        metric=Metric(**data["metric"]),
        hosting=hosting.from_dict(data["hosting"]),
        rollout=rollout.from_dict(data.get("rollout", {"type": "instant"})),  # older artifacts have none
        shadow=rollout.shadow_from_dict(data.get("shadow")),
        retrain=Retrain(**data["retrain"]),
        ingest=Ingest(**data["ingest"]),
        training=Training(**data["training"]),
        entity=data["entity"],
        hyperparameters=tuple(Hyperparameter(**item) for item in data["hyperparameters"]),
        quality=_quality_from_dict(data.get("quality", {})),
        tables=tuple(
            _table_from_dict(table) for table in data.get("tables", ())
        ),  # older artifacts have none
        moments=Monthly(**moments) if (moments := data.get("moments")) else None,
        engine=Engine(**data.get("engine", {})),
        slices=tuple(data.get("slices", ())),
        threshold=Threshold(**threshold) if (threshold := data.get("threshold")) else None,
    )


def digest(spec: ModelSpec) -> str:
    """Return the SHA-256 (hex) of what an artifact depends on: the name, columns and target of its spec."""
    data = to_dict(spec)
    kept = {key: data[key] for key in ("name", "columns", "target")}
    return hashlib.sha256(canonical_json(kept).encode()).hexdigest()


def canonical_json(value: object) -> str:
    """Write JSON with sorted keys and without spaces, so that equal values have equal digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _table_to_dict(table: Table) -> dict[str, Any]:
    return {**asdict(table), "columns": [_column_to_dict(column) for column in table.columns]}


def _table_from_dict(data: dict[str, Any]) -> Table:
    columns = tuple(_column_from_dict(column) for column in data["columns"])
    return Table(**{**data, "columns": columns, "quality": _quality_from_dict(data.get("quality", {}))})


def _quality_from_dict(data: dict[str, Any]) -> Quality:
    references = tuple(Reference(**reference) for reference in data.get("references", ()))
    return Quality(**{**data, "references": references})


def _column_to_dict(column: Column) -> dict[str, Any]:
    data = {"type": column.type, **asdict(column)}
    for name in ("parts", "missing"):
        if not data.get(name, True):
            del data[name]  # added later: specs without any keep the digest that they had before
    if data.get("zone") == zones.NEUTRAL:
        del data["zone"]
    return data


def _column_from_dict(data: dict[str, Any]) -> Column:
    rest = dict(data)
    kind = rest.pop("type", None)
    if kind not in COLUMN_TYPES:
        raise SpecError("columns.type", kind, f"one of {', '.join(COLUMN_TYPES)}")
    for name in ("values", "parts", "missing"):
        if name in rest:
            rest[name] = tuple(rest[name])
    return COLUMN_TYPES[kind](**rest)
