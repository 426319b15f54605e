"""The parts that `relearn.openapi` refers to: schemas of what is sent and answered, and one response a problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relearn import jsonlines, problems, schema
from relearn.batches import BatchState
from relearn.problems import Kind
from relearn.runs import RunState, VersionState
from relearn.spec import ModelSpec

Json = dict[str, Any]

REQUEST_ID: Json = {
    "x-request-id": {
        "required": True,
        "description": "Finds the logs of this request.",
        "schema": {"type": "string"},
    }
}
LOCATION: Json = {
    "location": {
        "required": True,
        "description": "Path of what was made.",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}
_TIME: Json = {"type": "string", "format": "date-time"}
_METRICS: Json = {
    "type": "object",
    "description": "Metric to value on the holdout.",
    "additionalProperties": {"type": "number"},
}
_VERSION: Json = {"type": "integer", "minimum": 1}


def ref(name: str, kind: str = "schemas") -> Json:
    """Refer to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def type_name(model: str) -> str:
    """Write a model's name as types are written: ``late-parcels`` is ``LateParcels``."""
    return "".join(part.title() for part in model.replace("_", "-").split("-"))


def problem_name(kind: Kind) -> str:
    """Name of the component of a problem: ``NotFoundProblem``."""
    return type_name(kind.slug) + "Problem"


def components(specs: Mapping[str, ModelSpec], *, signed: bool) -> Json:
    """Write all components.

    Parameters
    ----------
    specs
        Model name to spec.
    signed
        Whether requests are signed with AWS Signature Version 4.
    """
    found: dict[str, Json] = {}
    for spec in specs.values():
        found |= _of_model(spec)
    found |= _descriptions(list(specs))
    found |= {problem_name(kind): _problem(kind) for kind in problems.ALL}
    found["GatewayMessage"] = _object({"message": {"type": "string"}})
    responses = {problem_name(kind): _problem_response(kind) for kind in problems.ALL}
    responses["TooManyRequests"] = {
        "description": "The gateway lets no more requests through just now; wait and try again.",
        "content": {"application/json": {"schema": ref("GatewayMessage")}},
    }
    security: Json = {"securitySchemes": {"sigv4": _SIGV4}} if signed else {}
    return {"schemas": found, "responses": responses, **security}


def predictions_example(spec: ModelSpec, count: int) -> Json:
    """Show an answer to ``count`` instances; the values are made up."""
    return {"model": spec.name, "version": 3, "predictions": [_example(spec, i) for i in range(count)]}


def headers_of(kind: Kind) -> Json:
    """Describe the headers of a problem's response."""
    headers = dict(REQUEST_ID)
    if kind in (problems.NOT_SERVING, problems.IDEMPOTENCY_KEY_IN_USE):
        seconds = {"type": "integer", "minimum": 1}
        headers["retry-after"] = {"required": True, "description": "Seconds to wait.", "schema": seconds}
    if kind is problems.METHOD_NOT_ALLOWED:
        text = {"type": "string"}
        headers["allow"] = {"required": True, "description": "What the path takes.", "schema": text}
    return headers


_SIGV4: Json = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "AWS Signature Version 4, service execute-api: `curl --aws-sigv4`, or any AWS SDK's signer.",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def _object(properties: Mapping[str, Json], *optional: str, **more: Any) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": dict(properties), **more}


def _list(items: Json, **more: Any) -> Json:
    return {"type": "array", "items": items, **more}


def _or_null(part: Json, **more: Any) -> Json:
    return {**part, "type": [part["type"], "null"], **more}


def _of_model(spec: ModelSpec) -> dict[str, Json]:
    name = type_name(spec.name)
    request = schema.request_schema(spec)
    request["properties"]["instances"]["items"] = ref(f"{name}Instance")
    answer = _object(
        {
            "model": {"type": "string", "const": spec.name},
            "version": {**_VERSION, "description": "The version that answered."},
            "predictions": _list(ref(f"{name}Prediction"), description="One for each instance, in order."),
        }
    )
    return {
        f"{name}Instance": schema.instance_schema(spec),
        f"{name}Request": request,
        f"{name}Prediction": _prediction(spec),
        f"{name}Predictions": answer,
    }


def _prediction(spec: ModelSpec) -> Json:
    about = {"description": spec.target.description} if spec.target.description else {}
    if spec.kind == "regression":
        return _object({"value": {"type": "number", **about}})
    share = {"type": "number", "minimum": 0, "maximum": 1}
    return _object(
        {
            "label": {"type": "string", "enum": list(spec.classes), **about},
            "probabilities": _object(dict.fromkeys(spec.classes, share)),
        }
    )


def _example(spec: ModelSpec, index: int) -> Json:
    if spec.kind == "regression":
        return {"value": 100.0 + 12.5 * index}
    label = spec.classes[index % len(spec.classes)]
    rest = round(0.1 / (len(spec.classes) - 1), 6)
    return {"label": label, "probabilities": {name: 0.9 if name == label else rest for name in spec.classes}}


def _descriptions(models: list[str]) -> dict[str, Json]:
    brief: Json = {
        "name": {"type": "string", "enum": models},
        "title": {"type": "string"},
        "kind": {"type": "string", "enum": ["classification", "regression"]},
        "state": {"type": "string", "enum": ["live", "waiting"]},
        "version": _or_null(_VERSION, description="The version that serves; null while waiting."),
    }
    anything = {"type": "object", "additionalProperties": True}
    model: Json = {
        **brief,
        "metrics": _METRICS,
        "waiting_for": {"type": ["string", "null"], "description": "What has to happen before it serves."},
        "request_schema": {**anything, "description": "JSON Schema of what predict takes."},
        "sample": _object({"instances": _list(anything)}, description="What predict answers."),
        "target": {**anything, "description": "Name and JSON Schema of what is predicted."},
    }
    return {
        "ModelBrief": _object(brief),
        "ModelList": _object({"models": _list(ref("ModelBrief"))}),
        "Model": _object(model),
        **_runs_and_versions(),
        **_batches(),
    }


def _runs_and_versions() -> dict[str, Json]:
    state = {"type": "string", "enum": [str(state) for state in RunState]}
    run: Json = {
        "run_id": {"type": "string"},
        "state": state,
        "reason": {"type": "string", "description": "Why it stands there; may be empty."},
        "started_at": _or_null(_TIME),
        "ended_at": _or_null(_TIME),
        "version": _or_null(_VERSION, description="The version it registered."),
        "metrics": _METRICS,
        "champion_version": _or_null(_VERSION, description="The version that served when it opened."),
        "champion_metrics": _METRICS,
    }
    ids = _list({"type": "string"})
    whole = {
        **run,
        "states": _list(_object({"state": state, "at": _TIME}), description="The way it went, in order."),
        "uploads": {**ids, "description": "Ids of the uploads it was started for."},
        "snapshot": {**ids, "description": "Ids of all uploads it trains on."},
    }
    version = {
        "version": _VERSION,
        "state": {"type": "string", "enum": [str(state) for state in VersionState]},
        "reason": run["reason"],
        "run_id": {"type": "string", "description": "The run that made it."},
        "metrics": _METRICS,
        "created_at": _or_null(_TIME),
    }
    following = {"type": ["string", "null"], "description": "Where the next page begins; null on the last."}
    return {
        "Version": _object(version),
        "VersionList": _object({"versions": _list(ref("Version"))}),
        "RunBrief": _object(run),
        "RunPage": _object({"runs": _list(ref("RunBrief")), "next": following}),
        "Run": _object(whole),
    }


def _batches() -> dict[str, Json]:
    text: Json = {"type": "string"}
    state = {"type": "string", "enum": [str(state) for state in BatchState]}
    brief: Json = {
        "model": text,
        "batch": {**text, "description": "Its id."},
        "state": state,
        "reason": {**text, "description": "Why it failed; may be empty."},
        "version": _or_null(_VERSION, description="The version that scores it; null until it runs."),
        "rows": {"type": ["integer", "null"], "minimum": 1, "description": "Rows in its file, once known."},
        "created_at": _TIME,
        "ended_at": _or_null(_TIME),
    }
    error = _object(
        {
            "line": {"type": "integer", "minimum": 1},
            "pointer": {**text, "description": "JSON pointer (RFC 6901) within the line."},
            "detail": text,
        }
    )
    link = _object({"url": {**text, "format": "uri"}, "expires_at": _TIME})
    whole = {
        **brief,
        "states": _list(_object({"state": state, "at": _TIME}), description="The way it went, in order."),
        "errors": _list(error, maxItems=jsonlines.MAX_ERRORS, description="What is wrong with its file."),
        "result": _or_null(link, description="Where its result is; null until it succeeds."),
    }
    fields = {"type": "object", "additionalProperties": text}
    form = _object(
        {
            "url": {**text, "format": "uri"},
            "fields": {**fields, "description": "Fields to send before the file."},
            "max_bytes": {"type": "integer", "description": "Size of the file at most."},
            "expires_at": _TIME,
        },
        description="POST it as multipart/form-data, the file last, in a field named file.",
    )
    return {
        "BatchBrief": _object(brief),
        "BatchList": _object({"batches": _list(ref("BatchBrief"))}),
        "Batch": _object(whole),
        "NewBatch": _object({**whole, "upload": form}),
    }


def _problem(kind: Kind) -> Json:
    text = {"type": "string"}
    properties: Json = {
        "type": {**text, "const": kind.uri},
        "title": {**text, "const": kind.title},
        "status": {"type": "integer", "const": int(kind.status)},
        "detail": {**text, "description": "What was given and what is allowed."},
        "instance": {**text, "format": "uri-reference", "description": "The path that was asked."},
        "request_id": {**text, "description": "Finds the logs of this request."},
    }
    if kind in _PLACES:
        name, about = _PLACES[kind]
        error = _object({name: {**text, "description": about}, "detail": text})
        properties["errors"] = _list(error, minItems=1, maxItems=schema.MAX_ERRORS)
    return _object(properties)


_PLACES = {
    problems.INVALID_INSTANCES: ("pointer", "JSON pointer (RFC 6901) to a wrong value."),
    problems.INVALID_PARAMETERS: ("parameter", "Name of a query parameter."),
}


def _problem_response(kind: Kind) -> Json:
    return {
        "description": kind.title + ".",
        "headers": headers_of(kind),
        "content": {problems.MEDIA_TYPE: {"schema": ref(problem_name(kind))}},
    }
