"""OpenAPI description of the Open Inference Protocol (V2), once for all models, as in the protocol.

Clients of the protocol read a model's tensors from its metadata at run time. For static types there is
predict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from relearn.api import operations, request_schema
from relearn.api.open_inference import model, tensors
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import TEXT, Json, list_of, object_of, ref
from relearn.api.openapi.predictions import CALLER_KEY, HEADERS, IDEMPOTENCY_KEY
from relearn.spec.columns import Column
from relearn.spec.model import ModelSpec

_DATATYPE: Json = {"type": "string", "enum": list(tensors.DATATYPES)}
_SIZE: Json = {"type": "integer", "minimum": 0, "description": "Bytes of it that follow the JSON."}
_FLAG: Json = {"type": "boolean"}
_JSON_BYTES: Json = {
    "inference-header-content-length": {
        "description": "How many bytes are JSON, when binary outputs follow it.",
        "schema": {"type": "integer"},
    }
}


def _operations(specs: Mapping[str, ModelSpec], samples: Samples) -> Sequence[OperationDoc]:
    return [
        OperationDoc(
            operation=operations.SERVER_METADATA,
            summary="Describe the server",
            answers="The server.",
            content={"schema": ref("ServerMetadata")},
        ),
        OperationDoc(
            operation=operations.SERVER_LIVE,
            summary="Is the server there?",
            answers="It is.",
            content={"schema": object_of({"live": {**_FLAG, "const": True}})},
        ),
        OperationDoc(
            operation=operations.SERVER_READY,
            summary="Do all models answer?",
            answers="They do.",
            content={
                "schema": object_of({"live": {**_FLAG, "const": True}, "ready": {**_FLAG, "const": True}})
            },
        ),
        OperationDoc(
            operation=operations.MODEL_METADATA,
            summary="Describe a model's tensors",
            answers="Inputs, one a column, and outputs.",
            content={"schema": ref("ModelMetadata")},
        ),
        OperationDoc(
            operation=operations.MODEL_READY,
            summary="Does a model answer?",
            answers="It does.",
            content={"schema": object_of({"name": TEXT, "ready": {**_FLAG, "const": True}})},
        ),
        _infer(next(iter(specs.values())), samples),
    ]


def _infer(shown: ModelSpec, samples: Samples) -> OperationDoc:
    example = {"inputs": [_input(column, samples[shown.name]) for column in shown.columns]}
    return OperationDoc(
        operation=operations.INFER,
        summary="Predict, in tensors",
        description=f"Inputs of shape [rows] or [rows, 1], 1 to {request_schema.MAX_INSTANCES} rows, as many in each. Tensors may "
        "also follow the JSON in binary, as the protocol's binary extension says, sent as application/octet-stream.",
        parameters=[IDEMPOTENCY_KEY, CALLER_KEY],
        body={
            "application/json": {
                "schema": ref("InferRequest"),
                "examples": {"sample": {"summary": f"Instances that {shown.name} knows", "value": example}},
            }
        },
        answers="The outputs, in the order asked for; their rows are in the order of the inputs.",
        content={"schema": ref("InferResponse")},
        binary=True,
        headers={**HEADERS, **_JSON_BYTES},
    )


def _input(column: Column, sample: Sequence[Mapping[str, Any]]) -> Json:
    data = [instance.get(column.name) for instance in sample]
    return {
        "name": column.name,
        "datatype": model.datatypes(column)[0],
        "shape": [len(data)],
        "data": data,
    }


def _schemas(specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    tensor = {"name": TEXT, "datatype": _DATATYPE}
    sizes = list_of({"type": "integer", "minimum": -1}, description="-1: as many as there are rows.")
    described = object_of({**tensor, "shape": sizes, "parameters": _parameters()}, "parameters")
    return {
        "ServerMetadata": object_of({"name": TEXT, "version": TEXT, "extensions": list_of(TEXT)}),
        "TensorMetadata": described,
        "ModelMetadata": object_of(
            {
                "name": {"type": "string", "enum": list(specs)},
                "platform": TEXT,
                "inputs": list_of(ref("TensorMetadata")),
                "outputs": list_of(ref("TensorMetadata")),
            }
        ),
        **_request(tensor),
        **_response(list(specs), tensor),
    }


def _request(tensor: Json) -> dict[str, Json]:
    rows = {"type": "integer", "minimum": 1, "maximum": request_schema.MAX_INSTANCES}
    shape = {"type": "array", "prefixItems": [rows, {"const": 1}], "minItems": 1, "maxItems": 2}
    data = list_of(
        {},
        description="Its values; null, or NaN, where one is missing.",
        maxItems=request_schema.MAX_INSTANCES,
    )
    sized = {**tensor, "shape": shape, "data": data, "parameters": _parameters(binary_data_size=_SIZE)}
    wanted = {"name": TEXT, "parameters": _parameters(binary_data=_FLAG)}
    outputs: Json = {**list_of(ref("InferRequestedOutput")), "type": ["array", "null"]}
    return {
        "InferInput": object_of(sized, "data", "parameters"),
        "InferRequestedOutput": object_of(wanted, "parameters"),
        "InferRequest": object_of(
            {
                "id": {"type": ["string", "null"], "description": "Comes back with the answer."},
                "parameters": _parameters(binary_data_output=_FLAG),
                "inputs": list_of(ref("InferInput"), minItems=1),
                "outputs": {**outputs, "description": "Those wanted; without any, all come."},
            },
            "id",
            "parameters",
            "outputs",
        ),
    }


def _response(models: list[str], tensor: Json) -> dict[str, Json]:
    sizes = list_of({"type": "integer", "minimum": 0})
    value: Json = {"type": ["string", "number"]}
    sized = {
        **tensor,
        "shape": sizes,
        "data": list_of(value),
        "parameters": _parameters(binary_data_size=_SIZE),
    }
    return {
        "InferOutput": object_of(sized, "data", "parameters"),
        "InferResponse": object_of(
            {
                "model_name": {"type": "string", "enum": models},
                "model_version": {**TEXT, "description": "The version that answered."},
                "id": TEXT,
                "parameters": _parameters(
                    threshold={"type": "number", "description": "Least probability of `threshold_label`."},
                    threshold_label={**TEXT, "description": "Label that is answered from `threshold` on."},
                ),
                "outputs": list_of(ref("InferOutput")),
            },
            "id",
            "parameters",
        ),
    }


def _parameters(**known: Json) -> Json:
    return {"type": ["object", "null"], "properties": known} if known else {"type": "object"}


GROUP = Group(
    tag="open inference",
    about="The Open Inference Protocol (V2): for the clients of KServe and Triton. Its problems say their detail in "
    "`error` too.",
    operations=_operations,
    schemas=_schemas,
)
