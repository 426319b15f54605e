"""What a spec says to callers: checks of request bodies, and JSON Schemas of them.

`check_request` is on the hot path of every prediction: standard library only, one pass, and
every wrong field is reported at once.

An instance has every column that is not optional. Where features are looked up (in a request to predict, for a model
whose spec is `ModelSpec.looked_up_by` an entity) it may name the entity instead, and leave out what it likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from relearn.errors import FieldError, InvalidBodyError, InvalidInstancesError
from relearn.figures import exact
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
    shown,
)
from relearn.spec.model import ModelSpec

WITHOUT_NUL = r"^[^\u0000]*$"
"""What JSON Schema says of a text: no column takes a NUL character."""
MAX_INSTANCES = 1000
"""Rows in one request at most."""
MAX_ERRORS = 100
"""Wrong fields reported in one answer at most."""


def check_request(spec: ModelSpec, body: object, *, by_entity: bool = False) -> list[dict[str, Any]]:
    """Check the JSON body of a predict request against a spec.

    Parameters
    ----------
    spec
        The model's spec.
    body
        Parsed JSON: ``{"instances": [{column: value, ...}, ...]}``.
    by_entity
        Whether features are looked up here.

    Returns
    -------
    list of dict
        The instances as given.

    Raises
    ------
    InvalidInstancesError
        With a JSON pointer for every wrong value, `MAX_ERRORS` at most.
    """
    instances, errors = rows_of(body, "instances", MAX_INSTANCES, InvalidInstancesError)
    for index, instance in enumerate(instances):
        errors += check_instance(spec, instance, f"/instances/{index}", by_entity=by_entity)
        if len(errors) >= MAX_ERRORS:
            break
    if errors:
        raise InvalidInstancesError(tuple(errors[:MAX_ERRORS]))
    return instances


def fields_of(
    body: object, allowed: Sequence[str], refuse: type[InvalidBodyError]
) -> tuple[Mapping[str, Any], list[FieldError]]:
    """Read the fields that a body may have.

    Parameters
    ----------
    body
        Parsed JSON.
    allowed
        The fields.
    refuse
        What a wrong body is told with.

    Returns
    -------
    Mapping, list of FieldError
        The body; and every field of it that is not allowed.

    Raises
    ------
    InvalidBodyError
        ``refuse``: the body is no object.
    """
    if not isinstance(body, dict):
        raise refuse((FieldError("", f"got {shown(body)}; allowed: a JSON object"),))
    told = f"unknown field; allowed: {', '.join(allowed)}"
    return body, [FieldError(pointer(name), told) for name in body if name not in allowed]


def rows_of(
    body: object, name: str, most: int, refuse: type[InvalidBodyError]
) -> tuple[list[Any], list[FieldError]]:
    """Read the list of 1 to ``most`` rows that is all that a body has; otherwise as `fields_of`."""
    fields, errors = fields_of(body, (name,), refuse)
    rows = fields.get(name)
    if not isinstance(rows, list) or not 1 <= len(rows) <= most:
        given = f"{len(rows)} rows" if isinstance(rows, list) else shown(rows)
        detail = f"got {given}; allowed: a list of 1 to {most} objects"
        raise refuse((*errors, FieldError(f"/{name}", detail)))
    return rows, errors


def check_instance(
    spec: ModelSpec, instance: object, at: str = "", *, by_entity: bool = False
) -> list[FieldError]:
    """List everything wrong with one instance.

    Parameters
    ----------
    spec
        The model's spec.
    instance
        Parsed JSON of one row.
    at
        JSON pointer to the instance.
    by_entity
        Whether features are looked up here.
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


def pointer(name: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def allowed(column: Column) -> str:
    """Say in words what a column takes."""
    match column:
        case Number():
            bounds = [f"at least {exact(column.minimum)}"] if column.minimum is not None else []
            bounds += [f"at most {exact(column.maximum)}"] if column.maximum is not None else []
            return ", ".join(["a number" + (f" in {column.unit}" if column.unit else ""), *bounds])
        case Category():
            return f"one of {', '.join(column.values)}"
        case Text():
            return f"a string of at most {column.max_length} characters"
        case Boolean():
            return "true or false"
        case DateTime():
            return "an ISO 8601 date-time"
        case Id() | Ranking():
            return f"a string of 1 to {column.max_length} characters"


def instance_schema(spec: ModelSpec) -> dict[str, Any]:
    """JSON Schema (2020-12) of one instance of a predict request."""
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
    """JSON Schema (2020-12) of a predict request."""
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
    """JSON Schema (2020-12) of one value."""
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
