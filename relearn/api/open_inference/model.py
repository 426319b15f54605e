"""A model as the protocol sees it: which tensors it takes and gives. One input for each column, one row an instance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relearn.api.open_inference import tensors
from relearn.api.operations import VERSION
from relearn.errors import ModelFailedError
from relearn.spec.columns import Boolean, Column, Number
from relearn.spec.model import ModelSpec, Ranking
from relearn.spec.ranking import BASIS, ITEMS, SCORES

Json = dict[str, Any]

SERVER: Json = {"name": "relearn", "version": VERSION, "extensions": ["binary_tensor_data"]}
"""What the server says of itself."""
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
        Whether it comes behind the JSON.
    """

    name: str
    binary: bool


def datatypes(column: Column) -> tuple[str, ...]:
    """List the datatypes that a column's tensor may have; the first is the one that metadata names."""
    match column:
        case Number():
            return (tensors.FP32, *(name for name in tensors.NUMBERS if name != tensors.FP32))
        case Boolean():
            return (tensors.BOOL,)
    return (tensors.BYTES,)


def output_names(spec: ModelSpec) -> tuple[str, ...]:
    """List a model's outputs, in the order in which an answer has them."""
    return tuple(tensor["name"] for tensor in _outputs(spec))


def metadata(spec: ModelSpec) -> Json:
    """Describe a model: its tensors' names, datatypes and shapes.

    The protocol knows no optional inputs, none that are looked up, and no names of classes: all that is said in
    ``parameters``, whose values it allows to be strings, numbers and booleans.
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
    """Write predictions as tensors.

    Parameters
    ----------
    spec
        The model's spec.
    predicted
        As predict answers: ``version`` and ``predictions``.
    wanted
        Outputs, in order.

    Returns
    -------
    dict, bytes
        The answer, and what follows it: the binary outputs one after the other.

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
            continue  # kept for an Idempotency-Key since before predictions had ids
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
    return {"model_name": spec.name, "model_version": str(predicted["version"]), "outputs": outputs}, tail


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
    """Fill a row up: a tensor has as many columns in every row."""
    return [*(item[field] for item in items), *[lacking] * (k - len(items))]


def _pack(datatype: str, values: list[Any]) -> bytes:
    try:
        return tensors.pack(datatype, values)
    except OverflowError as error:
        raise ModelFailedError(f"the model answered a number that is too large for {datatype}") from error
