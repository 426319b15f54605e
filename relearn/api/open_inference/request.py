"""Request of the protocol as instances of a model, with a JSON pointer to every wrong part of it.

Unknown members and parameters are ignored, as the protocol requires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relearn.api import request_schema
from relearn.api.open_inference import inputs, model
from relearn.api.open_inference.model import RequestedOutput
from relearn.api.open_inference.parts import WrongError, flag, name_of, parameters_of
from relearn.errors import FieldError, InvalidInstancesError
from relearn.spec.columns import shown
from relearn.spec.fields import MAX_ERRORS
from relearn.spec.model import ModelSpec


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """Checked request of the Open Inference Protocol.

    Parameters
    ----------
    instances
        Instances, checked against the spec.
    wanted
        Requested outputs, in order.
    id
        Request id of the caller, which the answer repeats; None when there is none.
    places
        Column to the JSON pointer to its tensor's data.
    """

    instances: list[dict[str, Any]]
    wanted: tuple[RequestedOutput, ...]
    id: str | None
    places: Mapping[str, str]

    def moved(self, error: InvalidInstancesError) -> InvalidInstancesError:
        """Return an error about instances as one about the tensors."""
        return InvalidInstancesError(tuple(_moved(one, self.places) for one in error.errors))


def parse_request(spec: ModelSpec, body: object, tail: bytes) -> InferenceRequest:
    """Parse and check a request.

    Parameters
    ----------
    spec
        Spec of the model.
    body
        Parsed JSON.
    tail
        Bytes after the JSON: the binary inputs, one after the other.

    Raises
    ------
    InvalidInstancesError
        A part is wrong; the error has a JSON pointer for each wrong part, at most `MAX_ERRORS`. The pointer
        to a row of a binary tensor is the same as if its data were in the JSON.
    """
    if not isinstance(body, dict):
        raise InvalidInstancesError((FieldError("", f"got {shown(body)}; allowed: a JSON object"),))
    errors: list[FieldError] = []
    if not isinstance(body.get("id"), str | None):
        errors.append(FieldError("/id", f"got {shown(body['id'])}; allowed: a string"))
    wanted = _outputs(spec, body, errors)
    found = inputs.parse_inputs(spec, body.get("inputs"), tail, errors)
    if errors:
        raise InvalidInstancesError(tuple(errors[:MAX_ERRORS]))
    names = [one.column.name for one in found]
    rows = zip(*(one.cells() for one in found), strict=True)
    instances = [dict(zip(names, row, strict=True)) for row in rows]
    asked = InferenceRequest(instances, wanted, body.get("id"), {one.column.name: one.at for one in found})
    try:
        request_schema.check_request(spec, {"instances": instances}, by_entity=True)
    except InvalidInstancesError as error:
        raise asked.moved(error) from error
    return asked


def _outputs(
    spec: ModelSpec, body: Mapping[str, Any], errors: list[FieldError]
) -> tuple[RequestedOutput, ...]:
    """Parse the requested outputs; all outputs when the request names none."""
    names = model.output_names(spec)
    listed = [] if body.get("outputs") is None else body["outputs"]
    wanted: list[RequestedOutput] = []
    binary = False
    try:
        binary = flag(parameters_of(body, ""), "binary_data_output", "", default=False)
    except WrongError as wrong:
        errors.append(wrong.error)
    if not isinstance(listed, list):
        errors.append(FieldError("/outputs", f"got {shown(listed)}; allowed: a list of outputs"))
        return ()
    for index, one in enumerate(listed):
        at = f"/outputs/{index}"
        try:
            name = name_of(one, at, names, [earlier.name for earlier in wanted])
            wanted.append(
                RequestedOutput(name, flag(parameters_of(one, at), "binary_data", at, default=binary))
            )
        except WrongError as wrong:
            errors.append(wrong.error)
    return tuple(wanted) if listed else tuple(RequestedOutput(name, binary) for name in names)


def _moved(error: FieldError, places: Mapping[str, str]) -> FieldError:
    """Turn a pointer ``/instances/<row>/<column>`` (or to a row, or the request) into one to the tensors."""
    _, _, *found = error.pointer.split("/")
    if len(found) < 2:  # noqa: PLR2004
        return FieldError("/inputs", f"row {found[0]}: {error.detail}" if found else error.detail)
    row, name = found
    if name not in places:  # a row without an entity, in a request that leaves out tensors
        return FieldError("/inputs", f"row {row} has no {name}: {error.detail}")
    return FieldError(f"{places[name]}/{row}", error.detail)
