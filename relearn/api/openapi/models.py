"""OpenAPI description of models and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relearn.api import operations
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import METRICS, TEXT, TIME, VERSION, Json, list_of, object_of, or_null, ref
from relearn.lifecycle.runs import VersionState
from relearn.spec.model import ModelSpec


def _operations(_specs: Mapping[str, ModelSpec], _samples: Samples) -> Sequence[OperationDoc]:
    first = {"model": "$response.body#/models/0/name"}
    run = {"model": "$request.path.model", "run": "$response.body#/versions/0/run_id"}
    return [
        OperationDoc(
            operation=operations.LIST_MODELS,
            summary="List all models",
            answers="All models.",
            content={"schema": ref("ModelList")},
            links={
                "model": {"operationId": operations.GET_MODEL.id, "parameters": first},
                "runs": {"operationId": operations.LIST_RUNS.id, "parameters": first},
                "versions": {"operationId": operations.LIST_VERSIONS.id, "parameters": first},
            },
        ),
        OperationDoc(
            operation=operations.GET_MODEL,
            summary="Describe a model",
            answers="The model.",
            content={"schema": ref("Model")},
        ),
        OperationDoc(
            operation=operations.LIST_VERSIONS,
            summary="List a model's versions, newest first",
            answers="All versions.",
            content={"schema": ref("VersionList")},
            links={"runOfNewestVersion": {"operationId": operations.GET_RUN.id, "parameters": run}},
        ),
    ]


def _schemas(specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    brief: Json = {
        "name": {"type": "string", "enum": list(specs)},
        "title": TEXT,
        "kind": {"type": "string", "enum": ["classification", "regression", "ranking"]},
        "state": {"type": "string", "enum": ["live", "waiting"]},
        "version": or_null(VERSION, description="The version that serves; null while waiting."),
        "metric": object_of(
            {
                "name": {"type": "string", "enum": sorted({spec.metric.name for spec in specs.values()})},
                "better": {"type": "string", "enum": ["higher", "lower"], "description": "The better value."},
            },
            description="What decides between candidate and champion.",
        ),
    }
    anything = {"type": "object", "additionalProperties": True}
    model: Json = {
        **brief,
        "metrics": METRICS,
        "waiting_for": {"type": ["string", "null"], "description": "What has to happen before it serves."},
        "request_schema": {**anything, "description": "JSON Schema of what predict takes."},
        "sample": object_of({"instances": list_of(anything)}, description="What predict answers."),
        "target": {**anything, "description": "Name and JSON Schema of what is predicted."},
        "lookup": or_null(
            object_of(
                {
                    "column": {**TEXT, "description": "Names an entity; the other columns may be left out."},
                    "entities": {"type": "integer", "minimum": 0, "description": "How many are known."},
                    "as_of": or_null(TIME, description="The moment that their features speak of."),
                }
            ),
            description="What predict looks up for the version that serves; null: requests give every column.",
        ),
    }
    version = {
        "version": VERSION,
        "state": {"type": "string", "enum": [str(state) for state in VersionState]},
        "reason": {**TEXT, "description": "Why it stands there; may be empty."},
        "run_id": {**TEXT, "description": "The run that made it."},
        "metrics": METRICS,
        "approval": {
            "oneOf": [ref("Approval"), {"type": "null"}],
            "description": "Whether someone has to approve it before it is deployed; null: nobody has to.",
        },
        "created_at": or_null(TIME),
    }
    return {
        "ModelBrief": object_of(brief),
        "ModelList": object_of({"models": list_of(ref("ModelBrief"))}),
        "Model": object_of(model),
        "Version": object_of(version),
        "VersionList": object_of({"versions": list_of(ref("Version"))}),
    }


GROUP = Group(
    tag="models", about="What there is, and how it stands.", operations=_operations, schemas=_schemas
)
