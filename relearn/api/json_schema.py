"""JSON Schemas of requests, and all that the API knows of each column type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from relearn.api.request_schema import MAX_INSTANCES
from relearn.spec.columns import LARGEST_FLOAT32, float32, is_finite_number
from relearn.spec.model import Boolean, Category, Column, DateTime, Id, ModelSpec, Number, Ranking, Text

Json = dict[str, Any]
WITHOUT_NUL = r"^[^\u0000]*$"
"""JSON Schema pattern of a text: no column allows a NUL character."""
FLOAT32 = "FP32"
"""Datatype of float32 in the Open Inference Protocol (V2)."""


def _cell(column: Column, value: Any, _datatype: str) -> Any:
    return None if value == "" and column.optional else value


def _number(column: Number, value: Any, datatype: str) -> Any:
    if value != value and column.optional:  # noqa: PLR0124 - NaN
        return None
    if datatype != FLOAT32 or not is_finite_number(value) or float32(value) != value:
        return value
    return column.as_given(value)  # a caller that computes in float32 sends a bound as float32


def _text(column: Text | Id | Ranking, **bounds: int) -> Json:
    return {"type": "string", **bounds, "maxLength": column.max_length, "pattern": WITHOUT_NUL}


class ApiType(NamedTuple):
    """What the API knows of a column type.

    Tensors of the Open Inference Protocol (V2) have no null: NaN stands for a missing number, an empty string for
    other missing values except text.
    """

    schema: Callable[[Any], Json]  # JSON Schema of a value that is not missing
    datatype: str = "BYTES"  # of the column's tensor
    cell: Callable[[Any, Any, str], Any] = _cell
    truths: Callable[[Any], Sequence[str | float]] = lambda column: [
        f"{column.name}-1"
    ]  # examples, of a target


API_TYPES: dict[type[Column], ApiType] = {
    Number: ApiType(
        lambda column: {
            "type": "number",
            "minimum": -LARGEST_FLOAT32 if column.minimum is None else column.minimum,
            "maximum": LARGEST_FLOAT32 if column.maximum is None else column.maximum,
        },
        FLOAT32,
        _number,
        lambda column: [bound for bound in (column.minimum, column.maximum) if bound is not None] or [0.0],
    ),
    Category: ApiType(
        lambda column: {"type": "string", "enum": list(column.values)},
        truths=lambda column: column.values[:2],
    ),
    Text: ApiType(_text, cell=lambda _column, value, _datatype: value),
    Boolean: ApiType(lambda _column: {"type": "boolean"}, "BOOL"),
    DateTime: ApiType(lambda _column: {"type": "string", "format": "date-time"}),
    Id: ApiType(lambda column: _text(column, minLength=1)),
    Ranking: ApiType(lambda column: _text(column, minLength=1)),
}


def column_schema(column: Column) -> Json:
    """Return the JSON Schema (2020-12) of one value of a column."""
    schema = API_TYPES[type(column)].schema(column)
    if column.optional:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    unit = f"in {column.unit}" if column.unit else ""
    if words := ", ".join(word for word in (column.description, unit) if word):
        schema["description"] = words
    return schema


def instance_schema(spec: ModelSpec) -> Json:
    """Return the JSON Schema (2020-12) of one instance of a predict request."""
    required = [column.name for column in spec.columns if not column.optional]
    entity = spec.looked_up_by
    wanted: Json = {"required": required}
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


def request_schema(spec: ModelSpec) -> Json:
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
