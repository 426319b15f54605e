"""The OpenAPI 3.1 document of the HTTP API, written from the specs and `relearn.routes`.

Each model's predict has a concrete path (``/v1/models/iris/predict``) and an operation of its own, so a
generated client has one exactly typed method a model. One templated path would have to take and give a union
of all models: nothing in it ties the name in the path to the columns in the body, so clients would accept one model's
columns for another, and test generators would report its refusal. Everything else is the same for all models and keeps
its template, with the models' names as an enumeration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from relearn import openapi_schemas as schemas
from relearn import paging, routes, schema
from relearn.openapi_schemas import Json, ref
from relearn.problems import INTERNAL_ERROR, MEDIA_TYPE, Kind
from relearn.routes import Operation
from relearn.spec import ModelSpec

VERSION = "1.0.0"
"""Of the API: the first number is the path's, the second grows with what is added."""

Auth = Literal["iam", "none"]
Samples = Mapping[str, Sequence[Mapping[str, Any]]]

_ABOUT = """Predictions of the models that Relearn trains, and how the models stand.

Every error is a problem (RFC 9457) with a stable `type`; every answer carries `x-request-id`, which finds its logs.
Before a function is asked, the gateway itself may answer with `{"message": ...}`: 403, 413, 429 or 503.
"""
_SIGNED = """
Requests are signed with AWS Signature Version 4 for the service `execute-api`.
"""
_SUMMARIES = {
    routes.PREDICT.id: "Predict",
    routes.LIST_MODELS.id: "List all models",
    routes.GET_MODEL.id: "Describe a model",
    routes.LIST_VERSIONS.id: "List a model's versions, newest first",
    routes.LIST_RUNS.id: "List a model's runs, newest first",
    routes.GET_RUN.id: "Describe a run",
    routes.CREATE_BATCH.id: "Begin a batch: a whole file to score",
    routes.LIST_BATCHES.id: "List a model's newest batches, newest first",
    routes.GET_BATCH.id: "Describe a batch; when it is done, with a link to its result",
    routes.GET_OPENAPI.id: "This document",
}
_TAGS = {
    "predictions": "Ask the version that serves.",
    "models": "What there is, and how it stands.",
    "runs": "How new versions come to be.",
    "batches": "Score a whole file of JSON Lines (one instance a line): begin a batch, POST the file with the form "
    "you get, ask until it is done, fetch the result (one prediction a line, in the same order).",
    "meta": "About this API.",
}
_TAG_OF = {
    routes.PREDICT.id: "predictions",
    routes.LIST_RUNS.id: "runs",
    routes.GET_RUN.id: "runs",
    routes.CREATE_BATCH.id: "batches",
    routes.LIST_BATCHES.id: "batches",
    routes.GET_BATCH.id: "batches",
    routes.GET_OPENAPI.id: "meta",
}


def document(specs: Mapping[str, ModelSpec], samples: Samples, *, auth: Auth) -> Json:
    """Write the document.

    Parameters
    ----------
    specs
        Model name to spec.
    samples
        Model name to instances that a healthy version must answer: the examples.
    auth
        How callers prove who they are.

    Returns
    -------
    dict
        JSON, the same for the same arguments.
    """
    paths: dict[str, Json] = {}
    for operation in routes.OPERATIONS:
        if operation.described:
            for path, described in _operations(operation, specs, samples):
                paths.setdefault(path, {})[operation.method.lower()] = described
    signed = auth == "iam"
    security: Json = {"security": [{"sigv4": []}]} if signed else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Relearn",
            "version": VERSION,
            "summary": "Upload data, and a better model serves behind the same URL.",
            "description": _ABOUT + (_SIGNED if signed else ""),
        },
        "servers": [{"url": "/", "description": "Where this document comes from."}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        **security,
        "paths": paths,
        "components": schemas.components(specs, signed=signed),
    }


def expand(operation: Operation, models: Sequence[str]) -> list[str]:
    """List the paths that describe an operation: one a model where the model decides what is sent."""
    if operation is routes.PREDICT:
        return [operation.path.replace("{model}", model) for model in models]
    return [operation.path]


def _operations(
    operation: Operation, specs: Mapping[str, ModelSpec], samples: Samples
) -> list[tuple[str, Json]]:
    if operation is routes.PREDICT:
        return [
            (path, _predict(specs[model], samples[model]))
            for model, path in zip(specs, expand(operation, list(specs)), strict=True)
        ]
    return [(operation.path, _read(operation, list(specs)))]


def _predict(spec: ModelSpec, sample: Sequence[Mapping[str, Any]]) -> Json:
    name = schemas.type_name(spec.name)
    operation = routes.PREDICT
    body = {
        "schema": ref(f"{name}Request"),
        "examples": {"sample": {"summary": "Instances it knows", "value": {"instances": list(sample)}}},
    }
    answer = _content(ref(f"{name}Predictions"), schemas.predictions_example(spec, len(sample)))
    return {
        "operationId": f"{operation.id}{name}",
        "summary": f"{_SUMMARIES[operation.id]}: {spec.title}",
        "description": f"1 to {schema.MAX_INSTANCES} instances a request; all are answered, or none.",
        "tags": [_TAG_OF[operation.id]],
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": _response("One prediction for each instance, in order.", answer, _PREDICT_HEADERS),
            **_failures(operation),
        },
    }


def _read(operation: Operation, models: list[str]) -> Json:
    described = _ANSWERS[operation.id]
    answer = _response(described["description"], _content(described["schema"]))
    status = "201" if operation is routes.CREATE_BATCH else "200"
    if operation is routes.CREATE_BATCH:
        answer["headers"] = schemas.REQUEST_ID | schemas.LOCATION
    if links := _links(operation):
        answer["links"] = links
    parameters = _path_parameters(operation, models)
    parameters += _PAGE_PARAMETERS if operation is routes.LIST_RUNS else []
    return {
        "operationId": operation.id,
        "summary": _SUMMARIES[operation.id],
        "tags": [_TAG_OF.get(operation.id, "models")],
        **({"parameters": parameters} if parameters else {}),
        "responses": {status: answer, **_failures(operation)},
    }


_ANSWERS: dict[str, Json] = {
    routes.LIST_MODELS.id: {"description": "All models.", "schema": ref("ModelList")},
    routes.GET_MODEL.id: {"description": "The model.", "schema": ref("Model")},
    routes.LIST_VERSIONS.id: {"description": "All versions.", "schema": ref("VersionList")},
    routes.LIST_RUNS.id: {"description": "One page of runs.", "schema": ref("RunPage")},
    routes.GET_RUN.id: {"description": "The run.", "schema": ref("Run")},
    routes.CREATE_BATCH.id: {
        "description": "The batch, and the form to upload its file with.",
        "schema": ref("NewBatch"),
    },
    routes.LIST_BATCHES.id: {"description": "The newest batches.", "schema": ref("BatchList")},
    routes.GET_BATCH.id: {"description": "The batch.", "schema": ref("Batch")},
    routes.GET_OPENAPI.id: {"description": "OpenAPI 3.1.", "schema": {"type": "object"}},
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "For 24 hours, the same key with the same body gets the same answer, predicted once.",
    "schema": {
        "type": "string",
        "maxLength": 255,
        "pattern": r'^("([ !#-\[\]-~]|\\["\\])+"|[!#-+\--~]+)$',
    },
}
_PREDICT_HEADERS: Json = {
    "server-timing": {
        "description": "Milliseconds that each part of the work took.",
        "schema": {"type": "string"},
    },
    "idempotency-replayed": {
        "description": "There when the answer was given before, to the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
}
_PAGE_PARAMETERS: list[Json] = [
    {
        "name": "limit",
        "in": "query",
        "description": "How many runs a page has at most.",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": paging.MAX_LIMIT,
            "default": paging.DEFAULT_LIMIT,
        },
    },
    {
        "name": "next",
        "in": "query",
        "description": "What an earlier answer gave as `next`: the page after that one.",
        "schema": {"type": "string", "pattern": paging.CURSOR_PATTERN},
    },
]


def _path_parameters(operation: Operation, models: list[str]) -> list[Json]:
    known: dict[str, Json] = {
        "model": {"description": "Name of a model.", "schema": {"type": "string", "enum": models}},
        "run": {
            "description": "Id of a run, as in the list of runs.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 100},
        },
        "batch": {
            "description": "Id of a batch, as given when it began.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 100},
        },
    }
    found = re.findall(r"\{(\w+)\}", operation.path)
    return [{"name": name, "in": "path", "required": True, **known[name]} for name in found]


def _links(operation: Operation) -> Json:
    model = {"model": "$request.path.model"}
    if operation is routes.LIST_MODELS:
        first = {"model": "$response.body#/models/0/name"}
        return {
            "model": {"operationId": routes.GET_MODEL.id, "parameters": first},
            "runs": {"operationId": routes.LIST_RUNS.id, "parameters": first},
            "versions": {"operationId": routes.LIST_VERSIONS.id, "parameters": first},
        }
    if operation is routes.LIST_RUNS:
        run = {**model, "run": "$response.body#/runs/0/run_id"}
        following = {**model, "next": "$response.body#/next"}
        return {
            "firstRun": {"operationId": routes.GET_RUN.id, "parameters": run},
            "nextPage": {"operationId": routes.LIST_RUNS.id, "parameters": following},
        }
    if operation is routes.LIST_VERSIONS:
        run = {**model, "run": "$response.body#/versions/0/run_id"}
        return {"runOfNewestVersion": {"operationId": routes.GET_RUN.id, "parameters": run}}
    if operation is routes.CREATE_BATCH:
        batch = {**model, "batch": "$response.body#/batch"}
        return {"batch": {"operationId": routes.GET_BATCH.id, "parameters": batch}}
    if operation is routes.LIST_BATCHES:
        batch = {**model, "batch": "$response.body#/batches/0/batch"}
        return {"newestBatch": {"operationId": routes.GET_BATCH.id, "parameters": batch}}
    return {}


def _failures(operation: Operation) -> Json:
    by_status: dict[str, list[Kind]] = {}
    for kind in sorted({*operation.fails, INTERNAL_ERROR}, key=lambda kind: (kind.status, kind.slug)):
        by_status.setdefault(str(int(kind.status)), []).append(kind)
    return {status: _failure(kinds) for status, kinds in by_status.items()} | {
        "429": ref("TooManyRequests", "responses")
    }


def _failure(kinds: list[Kind]) -> Json:
    if len(kinds) == 1:
        return ref(schemas.problem_name(kinds[0]), "responses")
    union = {
        "oneOf": [ref(schemas.problem_name(kind)) for kind in kinds],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind.uri: ref(schemas.problem_name(kind))["$ref"] for kind in kinds},
        },
    }
    each = [schemas.headers_of(kind) for kind in kinds]
    headers = {
        name: {**part, "required": all(name in other for other in each)}
        for found in each
        for name, part in found.items()
    }
    text = "; or: ".join(kind.title for kind in kinds)
    return {"description": text, "headers": headers, "content": {MEDIA_TYPE: {"schema": union}}}


def _response(description: str, content: Json, headers: Json | None = None) -> Json:
    return {
        "description": description,
        "headers": {**schemas.REQUEST_ID, **(headers or {})},
        "content": content,
    }


def _content(schema: Json, example: Json | None = None) -> Json:
    given: Json = {} if example is None else {"examples": {"sample": {"value": example}}}
    return {"application/json": {"schema": schema, **given}}
