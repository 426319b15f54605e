"""OpenAPI description of predictions: an exactly typed operation for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relearn.api import answer_size, json_schema, operations, request_schema
from relearn.api.openapi import feedback
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import VERSION, Json, list_of, object_of, ref, type_name
from relearn.records.predictions import prediction_id
from relearn.spec.model import ModelSpec, Ranking
from relearn.spec.ranking import BASES

IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "For 24 hours, the same key and body from the same caller get the same answer, predicted once.",
    "schema": {
        "type": "string",
        "maxLength": 255,
        "pattern": r'^("([ !#-\[\]-~]|\\["\\])+"|[!#-+\--~]+)$',
    },
}
CALLER_KEY: Json = {
    "name": "X-Relearn-Key",
    "in": "header",
    "description": "Callers that send the same key are answered by the same version while a new one is tried on a "
    "share of them; without a key every request is chosen for by itself.",
    "schema": {"type": "string", "maxLength": 256, "pattern": "^[!-~]+$"},
}
HEADERS: Json = {
    "server-timing": {
        "description": "Milliseconds that each part of the work took.",
        "schema": {"type": "string"},
    },
    "idempotency-replayed": {
        "description": "There when the answer was given before, to the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
}
_ID: Json = {
    "type": "string",
    "pattern": r"^\d{8}t\d{6}-[0-9a-f]{12}-\d{1,3}$",
    "description": "Names this prediction: keep it to say later what proved true.",
}


def _operations(specs: Mapping[str, ModelSpec], samples: Samples) -> Sequence[OperationDoc]:
    return [_predict(spec, samples[spec.name]) for spec in specs.values()]


def _predict(spec: ModelSpec, sample: Sequence[Mapping[str, object]]) -> OperationDoc:
    name = type_name(spec.name)
    most = min(request_schema.MAX_INSTANCES, answer_size.most_instances(spec, answer_size.LAMBDA_BYTES))
    given = {"sample": {"summary": "Instances it knows", "value": {"instances": list(sample)}}}
    answer = {"sample": {"value": _example(spec, len(sample))}}
    return OperationDoc(
        operation=operations.PREDICT,
        model=spec.name,
        summary=f"Predict: {spec.title}",
        description=f"1 to {most} instances a request; all are answered, or none.",
        parameters=[IDEMPOTENCY_KEY, CALLER_KEY],
        body={"application/json": {"schema": ref(f"{name}Request"), "examples": given}},
        answers="One prediction for each instance, in order.",
        content={"schema": ref(f"{name}Predictions"), "examples": answer},
        headers=HEADERS,
        links={"feedback": feedback.link(spec)},
    )


def _schemas(specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for spec in specs.values():
        found |= _of_model(spec)
    return found


def _of_model(spec: ModelSpec) -> dict[str, Json]:
    name = type_name(spec.name)
    request = json_schema.request_schema(spec)
    request["properties"]["instances"]["items"] = ref(f"{name}Instance")
    answer = object_of(
        {
            "model": {"type": "string", "const": spec.name},
            "version": {**VERSION, "description": "The version that answered."},
            "predictions": list_of(ref(f"{name}Prediction"), description="One for each instance, in order."),
        }
    )
    return {
        f"{name}Instance": json_schema.instance_schema(spec),
        f"{name}Request": request,
        f"{name}Prediction": _prediction(spec),
        f"{name}Predictions": answer,
    }


def _prediction(spec: ModelSpec) -> Json:
    about = {"description": spec.target.description} if spec.target.description else {}
    if spec.kind == "regression":
        return object_of({"id": _ID, "value": {"type": "number", **about}})
    if isinstance(spec.target, Ranking):
        return _ranking(spec.target, about)
    share = {"type": "number", "minimum": 0, "maximum": 1}
    answer: Json = {
        "id": _ID,
        "label": {"type": "string", "enum": list(spec.classes), **about},
        "probabilities": object_of(dict.fromkeys(spec.classes, share)),
    }
    if spec.threshold is None:
        return object_of(answer)
    told = {
        "description": "The label is answered where its probability is at least this one; versions that were trained before "
        "there was a threshold have none, and answer the more probable label."
    }
    label = {"type": "string", "enum": list(spec.classes)}
    answer["threshold"] = object_of({"label": label, "probability": share}, **told)
    return object_of(answer, "threshold")


def _ranking(target: Ranking, about: Json) -> Json:
    item = {"type": "string", "minLength": 1, "maxLength": target.max_length, **about}
    ranked = object_of({"item": item, "score": {"type": "number", "description": "Larger is better."}})
    told = (
        "What they were chosen by: likeness to the item named, what was met before, or what most others met."
    )
    return object_of(
        {
            "id": _ID,
            "items": {"type": "array", "maxItems": target.k, "items": ranked, "description": "Best first."},
            "basis": {"type": "string", "enum": list(BASES), "description": told},
        }
    )


def _example(spec: ModelSpec, count: int) -> Json:
    """Return an example of an answer to ``count`` instances, with invented values."""
    return {"model": spec.name, "version": 3, "predictions": [_example_of(spec, i) for i in range(count)]}


def _example_of(spec: ModelSpec, index: int) -> Json:
    name = {"id": prediction_id("20260504t100000-8c5f1d2ab390", index)}
    if spec.kind == "regression":
        return {**name, "value": 100.0 + 12.5 * index}
    if isinstance(spec.target, Ranking):
        items = [{"item": f"{spec.target.name}-{place}", "score": 1.0 - place / 10} for place in (1, 2)]
        return {**name, "items": items, "basis": "history"}
    label = spec.classes[index % len(spec.classes)]
    rest = round(0.1 / (len(spec.classes) - 1), 6)
    probabilities = {other: 0.9 if other == label else rest for other in spec.classes}
    answer = {**name, "label": label, "probabilities": probabilities}
    if spec.threshold is not None:
        answer["threshold"] = {"label": spec.classes[-1], "probability": 0.5}
    return answer


GROUP = Group(
    tag="predictions", about="Ask the version that serves.", operations=_operations, schemas=_schemas
)
