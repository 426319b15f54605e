"""OpenAPI description of batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relearn.api import jsonlines, operations
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import (
    LOCATION,
    TEXT,
    TIME,
    VALID_UNTIL,
    VERSION,
    Json,
    list_of,
    object_of,
    or_null,
    ref,
    upload_form,
)
from relearn.lifecycle.batches import BatchState
from relearn.spec.model import ModelSpec


def _operations(_specs: Mapping[str, ModelSpec], _samples: Samples) -> Sequence[OperationDoc]:
    model = {"model": "$request.path.model"}
    made = {**model, "batch": "$response.body#/batch"}
    newest = {**model, "batch": "$response.body#/batches/0/batch"}
    return [
        OperationDoc(
            operation=operations.CREATE_BATCH,
            summary="Begin a batch: a whole file to score",
            status="201",
            answers="The batch, and the form to upload its file with.",
            content={"schema": ref("NewBatch")},
            headers=LOCATION,
            links={"batch": {"operationId": operations.GET_BATCH.id, "parameters": made}},
        ),
        OperationDoc(
            operation=operations.LIST_BATCHES,
            summary="List a model's newest batches, newest first",
            answers="The newest batches.",
            content={"schema": ref("BatchList")},
            links={"newestBatch": {"operationId": operations.GET_BATCH.id, "parameters": newest}},
        ),
        OperationDoc(
            operation=operations.GET_BATCH,
            summary="Describe a batch; when it is done, with a link to its result",
            answers="The batch.",
            content={"schema": ref("Batch")},
        ),
    ]


def _schemas(_specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    state = {"type": "string", "enum": [str(state) for state in BatchState]}
    brief: Json = {
        "model": TEXT,
        "batch": {**TEXT, "description": "Its id."},
        "state": state,
        "reason": {**TEXT, "description": "Why it failed; may be empty."},
        "version": or_null(VERSION, description="The version that scores it; null until it runs."),
        "rows": {"type": ["integer", "null"], "minimum": 1, "description": "Rows in its file, once known."},
        "failed": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "Rows without a prediction; their lines of the result say why. Null until it succeeds.",
        },
        "created_at": TIME,
        "ended_at": or_null(TIME),
    }
    error = object_of(
        {
            "line": {"type": "integer", "minimum": 1},
            "pointer": {**TEXT, "description": "JSON pointer (RFC 6901) within the line."},
            "detail": TEXT,
        }
    )
    link = object_of({"url": {**TEXT, "format": "uri"}, "expires_at": VALID_UNTIL})
    whole = {
        **brief,
        "states": list_of(object_of({"state": state, "at": TIME}), description="The way it went, in order."),
        "errors": list_of(
            error, maxItems=jsonlines.MAX_ERRORS, description="The first wrong values of its file."
        ),
        "result": or_null(link, description="Where its result is; null until it succeeds."),
    }
    return {
        "BatchBrief": object_of(brief),
        "BatchList": object_of({"batches": list_of(ref("BatchBrief"))}),
        "Batch": object_of(whole),
        "NewBatch": object_of({**whole, "upload": upload_form()}),
    }


GROUP = Group(
    tag="batches",
    about="Score a whole file of JSON Lines (one instance a line): begin a batch, POST the file with the form "
    "you get, ask until it is done, fetch the result: a line for each line, in the same order, a prediction with its id, or the line's number and errors.",
    operations=_operations,
    schemas=_schemas,
)
