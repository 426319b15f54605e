"""What the descriptions are written with: small pieces of JSON Schema and OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
TIME: Json = {"type": "string", "format": "date-time"}
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
    """Refer to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def type_name(model: str) -> str:
    """Write a model's name as types are written: ``late-parcels`` is ``LateParcels``."""
    return "".join(part.title() for part in model.replace("_", "-").split("-"))


def object_of(properties: Mapping[str, Json], *optional: str, **more: Any) -> Json:
    """Describe an object with these properties, all required but the ``optional``."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": dict(properties), **more}


def list_of(items: Json, **more: Any) -> Json:
    """Describe a list."""
    return {"type": "array", "items": items, **more}


def or_null(part: Json, **more: Any) -> Json:
    """Describe what may also be null."""
    return {**part, "type": [part["type"], "null"], **more}


def upload_form() -> Json:
    """Describe the form that uploads one file to S3."""
    fields = {"type": "object", "additionalProperties": TEXT}
    return object_of(
        {
            "url": {**TEXT, "format": "uri"},
            "fields": {**fields, "description": "Fields to send before the file."},
            "max_bytes": {"type": "integer", "description": "Size of the file at most."},
            "expires_at": TIME,
        },
        description="POST it as multipart/form-data, the file last, in a field named file.",
    )
