"""Input tensors of a request: one per column, with one row per instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relearn.api.json_schema import API_TYPES
from relearn.api.open_inference import model, tensors
from relearn.api.open_inference.parts import WrongError, name_of, parameters_of
from relearn.api.request_schema import MAX_INSTANCES
from relearn.errors import FieldError
from relearn.spec.columns import Column, shown
from relearn.spec.model import ModelSpec

SIZE = "binary_data_size"


@dataclass(frozen=True, slots=True)
class Input:
    """One input tensor.

    Parameters
    ----------
    column
        Column of its values.
    values
        Values as sent, one per row.
    at
        JSON pointer to its data.
    datatype
        Datatype of its values in the request.
    """

    column: Column
    values: list[Any]
    at: str
    datatype: str

    def cells(self) -> list[Any]:
        """Return the values as an instance has them, with None for a missing value."""
        cell = API_TYPES[type(self.column)].cell
        return [cell(self.column, value, self.datatype) for value in self.values]


def parse_inputs(spec: ModelSpec, listed: object, tail: bytes, errors: list[FieldError]) -> list[Input]:
    """Parse the inputs of a request.

    Parameters
    ----------
    spec
        Spec of the model.
    listed
        Parsed JSON of the request's ``inputs``.
    tail
        Bytes after the JSON: the binary tensors, one after the other.
    errors
        List that the errors are added to; the values are not checked here.

    Returns
    -------
    list
        Tensors without errors, all with the same number of rows.
    """
    if not isinstance(listed, list) or not listed:
        errors.append(FieldError("/inputs", f"got {shown(listed)}; allowed: a list of tensors"))
        return []
    columns = {column.name: column for column in spec.columns}
    found: list[Input] = []
    seen: set[str] = set()
    for index, (one, binary) in enumerate(_with_binary(listed, tail, errors)):
        at = f"/inputs/{index}"
        try:
            column = columns[name_of(one, at, tuple(columns), seen)]
            seen.add(column.name)
            shape = _shape(one, at, found)
            values = _values(column, one, at, shape, binary)
            found.append(Input(column, values, f"{at}/data", one["datatype"]))
        except WrongError as wrong:
            errors.append(wrong.error)
    else_ = f"; or {spec.looked_up_by}, by which it is looked up" if spec.looked_up_by else ""
    errors += [
        FieldError("/inputs", f"missing: {column.name}; allowed: {column.allowed}{else_}")
        for column in spec.columns
        if not column.optional and column.name not in seen and spec.looked_up_by not in seen
    ]
    return found


def _with_binary(listed: list[Any], tail: bytes, errors: list[FieldError]) -> list[tuple[Any, bytes]]:
    """Pair every tensor with its bytes from after the JSON."""
    start, cut = 0, []
    for one in listed:
        parameters = one.get("parameters") if isinstance(one, dict) else None
        size = parameters.get(SIZE) if isinstance(parameters, dict) else None
        end = start + size if type(size) is int and size > 0 else start
        cut.append((one, tail[start:end]))
        start = end
    if start < len(tail):
        text = f"{len(tail)} bytes follow the JSON; allowed: {start}, as the tensors' {SIZE} say"
        errors.append(FieldError("/inputs", text))
    return cut


def _shape(one: Mapping[str, Any], at: str, found: list[Input]) -> list[int]:
    shape = one.get("shape")
    if not isinstance(shape, list) or [type(size) for size in shape] not in ([int], [int, int]):
        raise WrongError(f"{at}/shape", f"got {shown(shape)}; allowed: [rows] or [rows, 1]")
    if shape[1:] not in ([], [1]):
        raise WrongError(f"{at}/shape", f"got {shown(shape)}; allowed: [rows] or [rows, 1]")
    if not 1 <= shape[0] <= MAX_INSTANCES:
        raise WrongError(f"{at}/shape", f"got {shown(shape[0])} rows; allowed: 1 to {MAX_INSTANCES}")
    if found and len(found[0].values) != shape[0]:
        text = f"{len(found[0].values)}, as {found[0].column.name} has"
        raise WrongError(f"{at}/shape", f"got {shape[0]} rows; allowed: {text}")
    return shape


def _values(column: Column, one: Mapping[str, Any], at: str, shape: list[int], binary: bytes) -> list[Any]:
    datatype, allowed = one.get("datatype"), model.datatypes(column)
    if not isinstance(datatype, str) or datatype not in allowed:
        text = f"got {shown(datatype)}; allowed for {column.name}: {', '.join(allowed)}"
        raise WrongError(f"{at}/datatype", text)
    parameters = parameters_of(one, at)
    if SIZE not in parameters:
        return _from_json(datatype, one.get("data"), at, shape)
    if parameters[SIZE] != len(binary) or type(parameters[SIZE]) is not int:
        text = f"got {shown(parameters[SIZE])}; {len(binary)} bytes of it follow the JSON"
        raise WrongError(f"{at}/parameters/{SIZE}", text)
    try:
        return tensors.unpack(datatype, binary, shape[0])
    except ValueError as error:
        raise WrongError(f"{at}/parameters/{SIZE}", str(error)) from error


def _from_json(datatype: str, data: object, at: str, shape: list[int]) -> list[Any]:
    if not isinstance(data, list):
        raise WrongError(f"{at}/data", f"got {shown(data)}; allowed: a list of {shape[0]} values")
    if len(data) != shape[0]:
        raise WrongError(f"{at}/data", f"got {len(data)} values; allowed: {shape[0]}, as shape says")
    values = tensors.flatten(data, shape)
    for row, value in enumerate(values):
        if (problem := tensors.problem(datatype, value)) is not None:
            raise WrongError(f"{at}/data/{row}", problem)
    return values
