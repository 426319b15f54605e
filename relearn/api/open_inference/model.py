"""A model in the protocol's terms: an input tensor per column, a row per instance, and output tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relearn.api.json_schema import API_TYPES, Json
from relearn.api.open_inference import tensors
from relearn.api.operations import VERSION
from relearn.errors import ModelFailedError
from relearn.spec.columns import Column
from relearn.spec.model import ModelSpec, Ranking
from relearn.spec.ranking import BASIS, ITEMS, SCORES

SERVER: Json = {"name": "relearn", "version": VERSION, "extensions": ["binary_tensor_data"]}
"""Metadata of the server."""
LABEL, PROBABILITIES, VALUE, PREDICTION_ID = "label", "probabilities", "value", "prediction_id"
_RANKED = {ITEMS: ("item", ""), SCORES: ("score", 0.0)}
_PLATFORM = "onnx_onnxv1"
_ANY = -1


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """One output that a request asks for.

    Parameters
    ----------
    name
        One of `output_names`.
    binary
        Whether it follows the JSON as binary data.
    """

    name: str
    binary: bool


def datatypes(column: Column) -> tuple[str, ...]:
    """Return the datatypes that a column's tensor may have; metadata has the first."""
    own = API_TYPES[type(column)].datatype
    return (own, *(name for name in tensors.NUMBERS if own in tensors.NUMBERS and name != own))


def output_names(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names of a model's outputs, in the order of an answer."""
    return tuple(tensor["name"] for tensor in _outputs(spec))


def metadata(spec: ModelSpec) -> Json:
    """Return the metadata of a model: names, datatypes and shapes of its tensors.

    The protocol has no optional inputs, no looked-up inputs and no class names, so these are in
    ``parameters``, whose values may be strings, numbers and booleans.
    """
    return {
        "name": spec.name,
        "platform": _PLATFORM,
        "inputs": [_input(column, spec.looked_up_by) for column in spec.columns],
        "outputs": _outputs(spec),
    }


def answer(
    spec: ModelSpec, predicted: Mapping[str, Any], wanted: Sequence[RequestedOutput]
) -> tuple[Json, bytes]:
    """Return predictions as tensors.

    Parameters
    ----------
    spec
        Spec of the model.
    predicted
        Answer of predict: ``version`` and ``predictions``.
    wanted
        Requested outputs, in order.

    Returns
    -------
    dict, bytes
        The answer, and the bytes that follow it: the binary outputs one after the other.

    Raises
    ------
    ModelFailedError
        A number is too large for its datatype.
    """
    predictions = predicted["predictions"]
    shapes = {tensor["name"]: (tensor["datatype"], tensor["shape"][1:]) for tensor in _outputs(spec)}
    outputs, tail = [], b""
    for one in wanted:
        if one.name == PREDICTION_ID and "id" not in predictions[0]:
            continue  # an answer stored for an Idempotency-Key before predictions had ids
        datatype, rest = shapes[one.name]
        values = _values(spec, one.name, predictions)
        output: Json = {"name": one.name, "datatype": datatype, "shape": [len(predictions), *rest]}
        if one.binary:
            packed = _pack(datatype, values)
            output["parameters"] = {"binary_data_size": len(packed)}
            tail += packed
        else:
            output["data"] = values
        outputs.append(output)
    whole: Json = {"model_name": spec.name, "model_version": str(predicted["version"])}
    if (threshold := predictions[0].get("threshold")) is not None:
        whole["parameters"] = {
            "threshold": threshold["probability"],
            "threshold_label": threshold["label"],
        }
    return {**whole, "outputs": outputs}, tail


def _input(column: Column, entity: str | None) -> Json:
    tensor: Json = {"name": column.name, "datatype": datatypes(column)[0], "shape": [_ANY]}
    parameters: Json = {"optional": True} if column.optional else {}
    if entity is not None and column.name != entity:
        parameters["looked_up_by"] = entity
    return {**tensor, "parameters": parameters} if parameters else tensor


def _outputs(spec: ModelSpec) -> list[Json]:
    if spec.kind == "regression":
        predicted: list[Json] = [{"name": VALUE, "datatype": tensors.FP32, "shape": [_ANY]}]
    elif isinstance(spec.target, Ranking):
        few = {"shape": [_ANY, spec.target.k], "parameters": {"fewer": "an empty item, with a score of 0"}}
        predicted = [
            {"name": ITEMS, "datatype": tensors.BYTES, **few},
            {"name": SCORES, "datatype": tensors.FP32, **few},
            {"name": BASIS, "datatype": tensors.BYTES, "shape": [_ANY]},
        ]
    else:
        probabilities = {"name": PROBABILITIES, "datatype": tensors.FP32, "shape": [_ANY, len(spec.classes)]}
        classes = {"parameters": {"classes": json.dumps(spec.classes)}}
        predicted = [{"name": LABEL, "datatype": tensors.BYTES, "shape": [_ANY]}, probabilities | classes]
    return [*predicted, {"name": PREDICTION_ID, "datatype": tensors.BYTES, "shape": [_ANY]}]


def _values(spec: ModelSpec, name: str, predictions: Sequence[Mapping[str, Any]]) -> list[Any]:
    if name == PROBABILITIES:
        return [one[PROBABILITIES][label] for one in predictions for label in spec.classes]
    if isinstance(spec.target, Ranking) and name in _RANKED:
        field, lacking = _RANKED[name]
        return [value for one in predictions for value in _padded(one[ITEMS], field, lacking, spec.target.k)]
    return [one["id" if name == PREDICTION_ID else name] for one in predictions]


def _padded(items: Sequence[Mapping[str, Any]], field: str, lacking: Any, k: int) -> list[Any]:
    """Pad a row of a ranking to ``k`` values: every row of a tensor has the same length."""
    return [*(item[field] for item in items), *[lacking] * (k - len(items))]


def _pack(datatype: str, values: list[Any]) -> bytes:
    try:
        return tensors.pack(datatype, values)
    except OverflowError as error:
        raise ModelFailedError(f"the model answered a number that is too large for {datatype}") from error
