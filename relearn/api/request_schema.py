"""Checks of request bodies against a spec, and their JSON Schemas.

`check_request` is on the hot path of every prediction: it uses the standard library only, makes one pass, and
reports every wrong field.

An instance has every column that is not optional. Where features are looked up (in a predict request, for a
model whose spec has `ModelSpec.looked_up_by`) it may have the entity instead, and leave out any other column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relearn.errors import FieldError, InvalidInstancesError
from relearn.spec.columns import (
    LARGEST_FLOAT32,
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Number,
    Ranking,
    Text,
    allowed,
    shown,
)
from relearn.spec.fields import MAX_ERRORS, pointer, rows_of
from relearn.spec.model import ModelSpec

WITHOUT_NUL = r"^[^\u0000]*$"
"""JSON Schema pattern of a text: no column allows a NUL character."""
MAX_INSTANCES = 1000
"""Maximum number of instances in one request."""


def check_request(spec: ModelSpec, body: object, *, by_entity: bool = False) -> list[dict[str, Any]]:
    """Check the JSON body of a predict request against a spec.

    Parameters
    ----------
    spec
        Spec of the model.
    body
        Parsed JSON: ``{"instances": [{column: value, ...}, ...]}``.
    by_entity
        Whether the request may look up features by entity.

    Returns
    -------
    list of dict
        The instances, unchanged.

    Raises
    ------
    InvalidInstancesError
        An instance is wrong; the error has a JSON pointer for each wrong value, at most `MAX_ERRORS`.
    """
    instances, errors = rows_of(body, "instances", MAX_INSTANCES, InvalidInstancesError)
    for index, instance in enumerate(instances):
        errors += check_instance(spec, instance, f"/instances/{index}", by_entity=by_entity)
        if len(errors) >= MAX_ERRORS:
            break
    if errors:
        raise InvalidInstancesError(tuple(errors[:MAX_ERRORS]))
    return instances


def check_instance(
    spec: ModelSpec, instance: object, at: str = "", *, by_entity: bool = False
) -> list[FieldError]:
    """Return all errors of one instance.

    Parameters
    ----------
    spec
        Spec of the model.
    instance
        Parsed JSON of one row.
    at
        JSON pointer to the instance.
    by_entity
        Whether the request may look up features by entity.
    """
    if not isinstance(instance, dict):
        return [FieldError(at, f"got {shown(instance)}; allowed: an object with the model's columns")]
    errors = []
    looked_up = by_entity and spec.looked_up_by is not None and instance.get(spec.looked_up_by) is not None
    for column in spec.columns:
        value = instance.get(column.name)
        if value is None or (isinstance(column, DateTime) and column.means_missing(value)):
            if not column.optional and (column.name in instance or not looked_up):
                detail = _missing(spec, column, instance, by_entity=by_entity)
                errors.append(FieldError(at + pointer(column.name), detail))
        elif (problem := column.problem(value)) is not None:
            errors.append(FieldError(at + pointer(column.name), problem))
    if len(instance) > len(spec.columns) or not instance.keys() <= {column.name for column in spec.columns}:
        names = [column.name for column in spec.columns]
        errors += [
            FieldError(at + pointer(name), f"unknown column; allowed: {', '.join(names)}")
            for name in instance
            if name not in names
        ]
    return errors


def _missing(spec: ModelSpec, column: Column, instance: Mapping[str, Any], *, by_entity: bool) -> str:
    given = column.name in instance
    value = instance.get(column.name)
    null = "null is" if value is None else f"got {shown(value)}, which stands for a missing value:"
    told = f"{f'{null} not allowed' if given else 'missing'}; allowed: {allowed(column)}"
    entity = spec.looked_up_by
    if given or entity is None or entity == column.name:
        return told
    if by_entity:
        return f"{told}; or {entity} alone, by which it is looked up"
    return f"{told}; here nothing is looked up by {entity}: only predict does"


def instance_schema(spec: ModelSpec) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one instance of a predict request."""
    required = [column.name for column in spec.columns if not column.optional]
    entity = spec.looked_up_by
    wanted: dict[str, Any] = {"required": required}
    if entity in required:
        wanted = {"required": [entity]}
    elif entity is not None and required:
        named = {"required": [entity], "properties": {entity: {"type": "string"}}}
        wanted = {"anyOf": [wanted, named]}
    return {
        "type": "object",
        "additionalProperties": False,
        **wanted,
        "properties": {column.name: column_schema(column) for column in spec.columns},
    }


def request_schema(spec: ModelSpec) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a predict request."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["instances"],
        "properties": {
            "instances": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_INSTANCES,
                "items": instance_schema(spec),
            }
        },
    }


def column_schema(column: Column) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one value of a column."""
    schema = _value_schema(column)
    if column.optional:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    unit = f"in {column.unit}" if isinstance(column, Number) and column.unit else ""
    if words := ", ".join(word for word in (column.description, unit) if word):
        schema["description"] = words
    return schema


def _value_schema(column: Column) -> dict[str, Any]:
    match column:
        case Number():
            low = -LARGEST_FLOAT32 if column.minimum is None else column.minimum
            high = LARGEST_FLOAT32 if column.maximum is None else column.maximum
            return {"type": "number", "minimum": low, "maximum": high}
        case Category():
            return {"type": "string", "enum": list(column.values)}
        case Text():
            return {"type": "string", "maxLength": column.max_length, "pattern": WITHOUT_NUL}
        case Boolean():
            return {"type": "boolean"}
        case DateTime():
            return {"type": "string", "format": "date-time"}
        case Id() | Ranking():
            return {
                "type": "string",
                "minLength": 1,
                "maxLength": column.max_length,
                "pattern": WITHOUT_NUL,
            }
