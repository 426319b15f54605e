"""OpenAPI description of feedback: an exactly typed operation for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relearn.api import operations
from relearn.api.json_schema import API_TYPES, column_schema
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import TEXT, Json, list_of, object_of, ref, type_name
from relearn.records import feedback, predictions
from relearn.records.feedback import FeedbackState
from relearn.spec.model import ModelSpec

_ID = "20260504t100007-0123456789ab"
_STATES = {
    FeedbackState.ACCEPTED: "stored",
    FeedbackState.DUPLICATE: "the same truth was given before",
    FeedbackState.CONFLICT: "another truth was given before, and stands",
    FeedbackState.UNKNOWN: "there is no such prediction, or it is so new that it is not recorded yet",
    FeedbackState.LATE: f"the prediction is older than {predictions.FEEDBACK_DAYS} days",
}


def link(spec: ModelSpec) -> Json:
    """Return the link from a prediction to its feedback."""
    row = {"prediction": "$response.body#/predictions/0/id", "truth": _truths(spec)[0]}
    return {
        "operationId": operations.GIVE_FEEDBACK.id + type_name(spec.name),
        "description": "Say what proved true for the first instance.",
        "requestBody": {"feedback": [row]},
    }


def _truths(spec: ModelSpec) -> Sequence[str | float]:
    return API_TYPES[type(spec.target)].truths(spec.target)


def _operations(specs: Mapping[str, ModelSpec], _samples: Samples) -> Sequence[OperationDoc]:
    return [_give(spec) for spec in specs.values()]


def _give(spec: ModelSpec) -> OperationDoc:
    name = type_name(spec.name)
    rows = [{"prediction": f"{_ID}-{row}", "truth": truth} for row, truth in enumerate(_truths(spec))]
    results = [{"prediction": row["prediction"], "state": "accepted", "detail": "stored"} for row in rows]
    counts = {str(state): len(rows) if state == "accepted" else 0 for state in FeedbackState}
    return OperationDoc(
        operation=operations.GIVE_FEEDBACK,
        model=spec.name,
        summary=f"Give feedback: {spec.title}",
        description=f"1 to {feedback.MAX_ROWS} rows a request, each answered by itself. Safe to repeat: a truth "
        "that is sent again changes nothing, and the first one given stands.",
        body={
            "application/json": {
                "schema": ref(f"{name}Feedback"),
                "examples": {"truths": {"summary": "What proved true", "value": {"feedback": rows}}},
            }
        },
        answers="What became of each row, in order.",
        content={
            "schema": ref("FeedbackResults"),
            "examples": {"truths": {"value": {"model": spec.name, "results": results, "counts": counts}}},
        },
    )


def _schemas(specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for spec in specs.values():
        name = type_name(spec.name)
        rows = list_of(ref(f"{name}FeedbackRow"), minItems=1, maxItems=feedback.MAX_ROWS)
        found[f"{name}FeedbackRow"] = object_of(
            {
                "prediction": {
                    **TEXT,
                    "maxLength": feedback.MAX_ID_LENGTH,
                    "description": "Id of the prediction, as predict gave it.",
                },
                "truth": column_schema(spec.target),
            },
            additionalProperties=False,
        )
        found[f"{name}Feedback"] = object_of({"feedback": rows}, additionalProperties=False)
    states = [str(state) for state in FeedbackState]
    words = "; ".join(f"{state}: {about}" for state, about in _STATES.items())
    result = object_of(
        {
            "prediction": TEXT,
            "state": {"type": "string", "enum": states, "description": f"What became of it. {words}."},
            "detail": {**TEXT, "description": "The same in words, with what is known."},
        }
    )
    count = {"type": "integer", "minimum": 0}
    found["FeedbackResults"] = object_of(
        {
            "model": TEXT,
            "results": list_of(result, description="One for each row, in order."),
            "counts": object_of(dict.fromkeys(states, count), description="State to how many rows."),
        }
    )
    return found


GROUP = Group(
    tag="feedback",
    about="Say what proved true, by the ids of predictions.",
    operations=_operations,
    schemas=_schemas,
)
