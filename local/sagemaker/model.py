"""The SDK's service models of SageMaker and Application Auto Scaling: validates requests, shapes answers.

Not every caller is a client that validates its requests (a Step Functions task and a template are not), and
no client validates patterns, lengths and enumerations; AWS does.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.validate import ParamValidator

from local.sagemaker.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel, ServiceModel

    Shape = Any  # a structure, list, map or scalar, distinguished by its type_name


SAGEMAKER = "sagemaker"


@functools.cache
def service(name: str = SAGEMAKER) -> ServiceModel:
    """Return a service's model."""
    return botocore.session.get_session().get_service_model(name)


def operation(action: str) -> OperationModel | None:
    """Return the model of a SageMaker operation; None when it does not exist."""
    return service().operation_model(action) if action in service().operation_names else None


def check(action: str, request: dict[str, Any], of: str = SAGEMAKER) -> None:
    """Refuse a request that the service model does not allow.

    Parameters
    ----------
    action : str
        The operation.
    request : dict
        Its input.
    of : str
        Name of the service, as the SDK spells it.

    Raises
    ------
    ApiError
        ``ValidationException`` with each invalid member, its value and the allowed ones.
    """
    shape = service(of).operation_model(action).input_shape
    if shape is None:
        return
    report = ParamValidator().validate(request, shape)
    faults = [report.generate_report()] if report.has_errors() else list(_faults(request, shape, ""))
    if faults:
        count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
        raise invalid(count + "; ".join(faults))


def answer(action: str, record: dict[str, Any], of: str = SAGEMAKER) -> dict[str, Any]:
    """Return the members of a record that belong to the operation's output."""
    shape = service(of).operation_model(action).output_shape
    return shaped(record, shape) if shape is not None else {}


def shaped(value: Any, shape: Shape) -> Any:
    """Return a value with only the members that its shape has."""
    if shape.type_name == "structure":
        return {key: shaped(value[key], member) for key, member in shape.members.items() if key in value}
    if shape.type_name == "list":
        return [shaped(item, shape.member) for item in value]
    return value


def in_milliseconds(value: Any, shape: Shape) -> Any:
    """Return a value with times in whole milliseconds since the epoch, as in EventBridge and Step Functions."""
    if shape.type_name == "structure":
        return {
            key: in_milliseconds(value[key], member) for key, member in shape.members.items() if key in value
        }
    if shape.type_name == "list":
        return [in_milliseconds(item, shape.member) for item in value]
    return int(value * 1000) if shape.type_name == "timestamp" else value


def _faults(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Yield each violation of a length, pattern or enumeration, in AWS's words."""
    if shape.type_name == "structure":
        for key, item in value.items():
            yield from _faults(item, shape.members[key], f"{path}.{key[0].lower()}{key[1:]}".lstrip("."))
    elif shape.type_name == "list":
        for index, item in enumerate(value, 1):
            yield from _faults(item, shape.member, f"{path}.{index}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _faults(item, shape.value, f"{path}.{key}")
    elif shape.type_name == "string":
        constraint = _broken(value, shape)
        if constraint:
            yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {constraint}"


def _broken(text: str, shape: Shape) -> str:
    limits = shape.metadata
    if "enum" in limits and text not in limits["enum"]:
        return f"satisfy enum value set: [{', '.join(limits['enum'])}]"
    if "max" in limits and len(text) > limits["max"]:
        return f"have length less than or equal to {limits['max']}"
    pattern = _pattern(limits.get("pattern", ""))
    if pattern and not pattern.fullmatch(text):
        return f"satisfy regular expression pattern: {limits['pattern']}"
    return ""


@functools.cache
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text, re.DOTALL) if text else None
    except re.error:  # a syntax that only Java has, such as \p{...}; not checked
        return None
