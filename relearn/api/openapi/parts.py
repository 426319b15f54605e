"""Small pieces of JSON Schema and OpenAPI that the descriptions share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
TIME: Json = {"type": "string", "format": "date-time"}
VALID_UNTIL: Json = {**TIME, "description": "Time until which S3 accepts it."}
VERSION: Json = {"type": "integer", "minimum": 1}
METRICS: Json = {
    "type": "object",
    "description": "Metric to value on the holdout.",
    "additionalProperties": {"type": "number"},
}
REQUEST_ID: Json = {
    "x-request-id": {"required": True, "description": "Finds the logs of this request.", "schema": TEXT}
}
LOCATION: Json = {
    "location": {
        "required": True,
        "description": "Path of what was made.",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}


def ref(name: str, kind: str = "schemas") -> Json:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def type_name(model: str) -> str:
    """Return a model's name in the spelling of types, e.g. ``LateParcels`` for ``late-parcels``."""
    return "".join(part.title() for part in model.replace("_", "-").split("-"))


def object_of(properties: Mapping[str, Json], *optional: str, **more: Any) -> Json:
    """Return the schema of an object whose properties are required, except the ``optional``."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": dict(properties), **more}


def list_of(items: Json, **more: Any) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}


def or_null(part: Json, **more: Any) -> Json:
    """Return a schema that also allows null."""
    return {**part, "type": [part["type"], "null"], **more}


def upload_form() -> Json:
    """Return the schema of a presigned form for one file."""
    fields = {"type": "object", "additionalProperties": TEXT}
    return object_of(
        {
            "url": {**TEXT, "format": "uri"},
            "fields": {**fields, "description": "Fields to send before the file."},
            "max_bytes": {"type": "integer", "description": "Size of the file at most."},
            "expires_at": VALID_UNTIL,
        },
        description="POST it as multipart/form-data, the file last, in a field named file.",
    )
