"""OpenAPI schemas and responses of problems, and the possible problems of each operation."""

from __future__ import annotations

from relearn.api import problems
from relearn.api.openapi.parts import REQUEST_ID, Json, list_of, object_of, ref, type_name
from relearn.api.operations import Operation
from relearn.api.problems import INTERNAL_ERROR, MEDIA_TYPE, Kind
from relearn.spec.fields import MAX_ERRORS

_PLACES = {
    problems.INVALID_INSTANCES: ("pointer", "JSON pointer (RFC 6901) to a wrong value."),
    problems.INVALID_FEEDBACK: ("pointer", "JSON pointer (RFC 6901) to a wrong value."),
    problems.INVALID_UPLOAD: ("pointer", "JSON pointer (RFC 6901) to a wrong value."),
    problems.INVALID_CHANGE: ("pointer", "JSON pointer (RFC 6901) to a wrong value."),
    problems.INVALID_DECISION: ("pointer", "JSON pointer (RFC 6901) to a wrong value."),
    problems.INVALID_BATCH: ("pointer", "JSON pointer (RFC 6901) to an unknown field."),
    problems.INVALID_PARAMETERS: ("parameter", "Name of a query parameter."),
}
"""Problems that list every mistake, to the field with the place of a mistake and its description."""
_RETRIED = (problems.NOT_SERVING, problems.FEEDBACK_BUSY, problems.NO_LINKS, problems.IDEMPOTENCY_KEY_IN_USE)


def problem_name(kind: Kind) -> str:
    """Return the component name of a problem, e.g. ``NotFoundProblem``."""
    return type_name(kind.slug) + "Problem"


def schemas() -> dict[str, Json]:
    """Return the schemas of all problems, and of the gateway's own message."""
    return {problem_name(kind): _problem(kind) for kind in problems.ALL} | {
        "GatewayMessage": object_of({"message": {"type": "string"}})
    }


def responses() -> dict[str, Json]:
    """Return the responses of all problems, and of throttling by the gateway."""
    return {problem_name(kind): _response(kind) for kind in problems.ALL} | {
        "TooManyRequests": {
            "description": "The gateway lets no more requests through just now; wait and try again.",
            "content": {"application/json": {"schema": ref("GatewayMessage")}},
        }
    }


def of_operation(operation: Operation) -> Json:
    """Return the failures of an operation: status to response."""
    by_status: dict[str, list[Kind]] = {}
    every = {INTERNAL_ERROR, *([problems.INVALID_PARAMETERS] if operation.strict else [])}
    for kind in sorted({*operation.fails, *every}, key=lambda kind: (kind.status, kind.slug)):
        by_status.setdefault(str(int(kind.status)), []).append(kind)
    return {status: _one_of(kinds) for status, kinds in by_status.items()} | {
        "429": ref("TooManyRequests", "responses")
    }


def _one_of(kinds: list[Kind]) -> Json:
    if len(kinds) == 1:
        return ref(problem_name(kinds[0]), "responses")
    union = {
        "oneOf": [ref(problem_name(kind)) for kind in kinds],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind.uri: ref(problem_name(kind))["$ref"] for kind in kinds},
        },
    }
    each = [_headers(kind) for kind in kinds]
    headers = {
        name: {**part, "required": all(name in other for other in each)}
        for found in each
        for name, part in found.items()
    }
    text = "; or: ".join(kind.title for kind in kinds)
    return {"description": text, "headers": headers, "content": {MEDIA_TYPE: {"schema": union}}}


def _response(kind: Kind) -> Json:
    return {
        "description": kind.title + ".",
        "headers": _headers(kind),
        "content": {MEDIA_TYPE: {"schema": ref(problem_name(kind))}},
    }


def _headers(kind: Kind) -> Json:
    headers = dict(REQUEST_ID)
    if kind in _RETRIED:
        seconds = {"type": "integer", "minimum": 1}
        headers["retry-after"] = {"required": True, "description": "Seconds to wait.", "schema": seconds}
    if kind is problems.METHOD_NOT_ALLOWED:
        text = {"type": "string"}
        headers["allow"] = {"required": True, "description": "What the path takes.", "schema": text}
    return headers


def _problem(kind: Kind) -> Json:
    text = {"type": "string"}
    properties: Json = {
        "type": {**text, "const": kind.uri},
        "title": {**text, "const": kind.title},
        "status": {"type": "integer", "const": int(kind.status)},
        "detail": {**text, "description": "What was given and what is allowed."},
        "instance": {**text, "format": "uri-reference", "description": "The path that was asked."},
        "request_id": {**text, "description": "Finds the logs of this request."},
        "error": {**text, "description": "On /v2: the detail, where the protocol's clients look for it."},
    }
    if kind in _PLACES:
        name, about = _PLACES[kind]
        error = object_of({name: {**text, "description": about}, "detail": text})
        properties["errors"] = list_of(error, minItems=1, maxItems=MAX_ERRORS)
    return object_of(properties, "error")
