"""OpenAPI description of uploads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relearn.api import operations
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import (
    LOCATION,
    TEXT,
    TIME,
    Json,
    list_of,
    object_of,
    or_null,
    ref,
    type_name,
    upload_form,
)
from relearn.api.upload_forms import FormState
from relearn.lifecycle.uploads import UploadState
from relearn.naming import filenames
from relearn.spec.model import ModelSpec

_BEFORE = [str(state) for state in FormState]
_AFTER = [str(state) for state in UploadState]


def _operations(specs: Mapping[str, ModelSpec], _samples: Samples) -> Sequence[OperationDoc]:
    return [
        *(_create(spec) for spec in specs.values()),
        *(_list(spec) for spec in specs.values()),
        OperationDoc(
            operation=operations.GET_UPLOAD,
            summary="Describe an upload: what became of its file, and which rows were rejected",
            description="When a form was used twice, this is about the file that came last.",
            answers="The upload.",
            content={"schema": ref("Upload")},
        ),
    ]


def _create(spec: ModelSpec) -> OperationDoc:
    made = {"model": spec.name, "upload": "$response.body#/upload"}
    table = {"table": spec.table_names[0]} if spec.tables else {}
    example = {"new data": {"value": {"filename": "november.csv", **table}}}
    asked = ref(f"{type_name(spec.name)}UploadRequest")
    return OperationDoc(
        operation=operations.CREATE_UPLOAD,
        model=spec.name,
        summary=f"Begin an upload, a file of rows to train on: {spec.title}",
        description="Another upload of a file with the same name is another upload, and both are trained on.",
        status="201",
        answers="The upload, and the form to send its file with.",
        body={"application/json": {"schema": asked, "examples": example}},
        content={"schema": ref("NewUpload")},
        headers=LOCATION,
        links={"upload": {"operationId": operations.GET_UPLOAD.id, "parameters": made}},
    )


def _list(spec: ModelSpec) -> OperationDoc:
    newest = {"model": spec.name, "upload": "$response.body#/uploads/0/upload"}
    return OperationDoc(
        operation=operations.LIST_UPLOADS,
        model=spec.name,
        summary=f"List the newest uploads, newest first: {spec.title}",
        description="However they came; an upload whose file is still waited for is not listed.",
        answers="The newest uploads.",
        content={"schema": ref("UploadList")},
        links={"newestUpload": {"operationId": operations.GET_UPLOAD.id, "parameters": newest}},
    )


def _schemas(specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    brief, whole = _brief(_AFTER), _brief([*_BEFORE, *_AFTER])
    step = object_of({"state": whole["state"], "at": TIME})
    whole |= {
        "states": list_of(step, description="The way it went, in order."),
        "rejected_rows": list_of(ref("RejectedRow"), description="The first rows that break the spec."),
    }
    return {
        **{f"{type_name(name)}UploadRequest": _request(spec) for name, spec in specs.items()},
        "RejectedRow": _rejected_row(),
        "UploadBrief": object_of(brief),
        "UploadList": object_of({"uploads": list_of(ref("UploadBrief"))}),
        "Upload": object_of(whole),
        "NewUpload": object_of({**whole, "form": upload_form()}),
    }


def _request(spec: ModelSpec) -> Json:
    name = {"pattern": filenames.PATTERN, "maxLength": filenames.MAX_LENGTH}
    about = f"What the file is called: {filenames.ALLOWED}."
    asked: dict[str, Json] = {"filename": {**TEXT, **name, "description": about}}
    if spec.tables:
        tables = {**TEXT, "enum": list(spec.table_names)}
        asked["table"] = {**tables, "description": "Which of the model's tables it is data of."}
    return object_of(asked, additionalProperties=False)


def _brief(states: list[str]) -> dict[str, Json]:
    rows: Json = {"type": "integer", "minimum": 0}
    return {
        "model": TEXT,
        "upload": {**TEXT, "description": "Its id: of the form, as given when it began, or of the file."},
        "upload_id": or_null(TEXT, description="Id of the file that came, as in a run's `uploads`."),
        "table": {**TEXT, "description": "Which of the model's tables it is data of; main when it has one."},
        "filename": TEXT,
        "state": {**TEXT, "enum": states},
        "reason": {**TEXT, "description": "Why it stands there; may be empty."},
        "size_bytes": or_null(rows),
        "rows_accepted": or_null(rows, description="Rows that fit the spec, once known."),
        "rows_rejected": or_null(rows, description="Rows that break the spec, once known."),
        "rows_waiting": or_null(
            rows,
            description="Rows among them that were dated later than now: a run sees each from its time on.",
        ),
        "waits_until": or_null(TIME, description="When the last of them is known; null when there is none."),
        "known_from": or_null(
            TIME,
            description="When the first of its rows is known, if all were dated later than now: until then no run uses it, "
            "and the first run after it does; null otherwise.",
        ),
        "received_at": or_null(TIME),
        "run_id": or_null(TEXT, description="The run that trained on it, or was rejected with it."),
        "same_as": or_null(
            TEXT, description="Id of an earlier file with the same content: the rows of both count once."
        ),
        "replaces": or_null(
            TEXT,
            description="Id of the file of the same key whose rows it takes the place of, once a run has used it.",
        ),
        "left_out": or_null(
            TEXT,
            description="Why no run trains on its accepted rows any more: they are older than the spec keeps; null otherwise.",
        ),
    }


def _rejected_row() -> Json:
    error = object_of(
        {
            "column": or_null(TEXT, description="Which value is wrong; null: the row as a whole."),
            "value": or_null(TEXT, description="As given, cut; null when missing or private."),
            "reason": TEXT,
        }
    )
    line = {
        "type": "integer",
        "minimum": 1,
        "description": "Line in the file; in Parquet, number of the row.",
    }
    return object_of({"line": line, "errors": list_of(error, minItems=1)})


GROUP = Group(
    tag="uploads",
    about="Send data to train on (CSV, JSON Lines or Parquet): begin an upload, POST the file with the form you get, "
    "ask until a run has used it (TRAINED) or it is refused (QUARANTINED, with the reason and the first rejected rows).",
    operations=_operations,
    schemas=_schemas,
)
