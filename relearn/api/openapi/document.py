"""The whole OpenAPI document: the groups' descriptions, joined with the table of operations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from relearn.api import operations as routes
from relearn.api.openapi import (
    batches,
    failures,
    feedback,
    inference,
    meta,
    models,
    operations,
    predictions,
    runs,
    security,
    uploads,
)
from relearn.api.openapi.described import OperationDoc, Samples
from relearn.api.openapi.parts import REQUEST_ID, Json, type_name
from relearn.api.openapi.security import Auth
from relearn.api.operations import VERSION, Operation
from relearn.spec.model import ModelSpec

GROUPS = (
    predictions.GROUP,
    feedback.GROUP,
    models.GROUP,
    operations.GROUP,
    runs.GROUP,
    batches.GROUP,
    uploads.GROUP,
    inference.GROUP,
    meta.GROUP,
)
PER_MODEL = (routes.PREDICT, routes.GIVE_FEEDBACK, routes.CREATE_UPLOAD, routes.LIST_UPLOADS)
"""Operations that each model has its own description of: their request or response depends on the model, or
that of another operation on the same path does, and a path is described in one way."""

_ABOUT = """Predictions of the models that Relearn trains, and how the models stand.

Every error is a problem (RFC 9457) with a stable `type`; every answer carries `x-request-id`, which finds its logs.
Before a function is asked, the gateway itself may answer with `{"message": ...}`: 401, 403, 413, 429 or 503.
"""
_BYTES: Json = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_IN_PATHS = {
    "version": "Number of a version, as in the list of versions.",
    "run": "Id of a run, as in the list of runs.",
    "batch": "Id of a batch, as given when it began.",
    "upload": "Id of an upload, as given when it began, or as in the list of uploads.",
}


def document(specs: Mapping[str, ModelSpec], samples: Samples, *, auth: Auth) -> Json:
    """Return the OpenAPI document.

    Parameters
    ----------
    specs
        Model name to spec.
    samples
        Model name to instances that a healthy version can answer, used as examples.
    auth
        How callers authenticate.

    Returns
    -------
    dict
        JSON-ready data, the same for the same arguments.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Relearn",
            "version": VERSION,
            "summary": "Upload data, and a better model serves behind the same URL.",
            "description": _ABOUT + security.about(auth),
        },
        "servers": [{"url": "/", "description": "Where this document comes from."}],
        "tags": [{"name": group.tag, "description": group.about} for group in GROUPS],
        "paths": _paths(specs, samples, auth),
        "components": _components(specs, auth),
    }


def expand(operation: Operation, models: Sequence[str]) -> list[str]:
    """Return the paths that describe an operation: one per model if the model decides what is sent."""
    if operation in PER_MODEL:
        return [operation.path.replace("{model}", model) for model in models]
    return [operation.path]


def _paths(specs: Mapping[str, ModelSpec], samples: Samples, auth: Auth) -> dict[str, Json]:
    paths: dict[str, Json] = {}
    described = [(group.tag, one) for group in GROUPS for one in group.operations(specs, samples)]
    order = [operation.id for operation in routes.OPERATIONS]
    for tag, one in sorted(described, key=lambda pair: order.index(pair[1].operation.id)):
        (path,) = expand(one.operation, [one.model] if one.model else [])
        written = _operation(tag, one, path, list(specs), auth)
        paths.setdefault(path, {})[one.operation.method.lower()] = written
    return paths


def _components(specs: Mapping[str, ModelSpec], auth: Auth) -> Json:
    found: dict[str, Json] = {}
    for group in GROUPS:
        found |= group.schemas(specs)
    return {
        "schemas": found | failures.schemas(),
        "responses": failures.responses() | security.responses(auth),
        "securitySchemes": security.schemes(auth),
    }


def _operation(tag: str, one: OperationDoc, path: str, models: list[str], auth: Auth) -> Json:
    answer: Json = {
        "description": one.answers,
        "headers": {**REQUEST_ID, **one.headers},
        "content": {"application/json": one.content, **(_BYTES if one.binary else {})},
    }
    if one.links:
        answer["links"] = one.links
    parameters = [*_path_parameters(path, models), *one.parameters]
    return {
        "operationId": one.operation.id + (type_name(one.model) if one.model else ""),
        "summary": one.summary,
        **({"description": one.description} if one.description else {}),
        "tags": [tag],
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": {"required": True, "content": one.body}} if one.body else {}),
        **security.of_operation(one.operation, auth),
        "responses": {one.status: answer, **security.failures(auth), **failures.of_operation(one.operation)},
    }


def _path_parameters(path: str, models: list[str]) -> list[Json]:
    known: dict[str, Json] = {
        "model": {"description": "Name of a model.", "schema": {"type": "string", "enum": models}}
    } | {
        name: {"description": about, "schema": {"type": "string", "minLength": 1, "maxLength": 100}}
        for name, about in _IN_PATHS.items()
    }
    found = re.findall(r"\{(\w+)\}", path)
    return [{"name": name, "in": "path", "required": True, **known[name]} for name in found]
