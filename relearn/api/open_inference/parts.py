"""Checks that all parts of a request share: name and parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from relearn.errors import FieldError
from relearn.spec.columns import shown

_IMPOSSIBLE = ("shared_memory_region", "classification")


class WrongError(Exception):
    """One part of a request is wrong; raised and caught within this package only.

    Parameters
    ----------
    at
        JSON pointer to the part.
    detail
        What was given and what is allowed.
    """

    def __init__(self, at: str, detail: str) -> None:
        super().__init__(detail)
        self.error = FieldError(at, detail)


def name_of(part: object, at: str, allowed: Collection[str], seen: Collection[str]) -> str:
    """Return the name of an input or output.

    Raises
    ------
    WrongError
        The part is not an object, or its name is unknown or duplicate.
    """
    if not isinstance(part, dict):
        raise WrongError(at, f"got {shown(part)}; allowed: an object")
    name = part.get("name")
    if not isinstance(name, str) or name not in allowed:
        raise WrongError(f"{at}/name", f"got {shown(name)}; allowed: one of {', '.join(allowed)}")
    if name in seen:
        raise WrongError(f"{at}/name", f"{name} is there twice; allowed: once")
    return name


def parameters_of(part: Mapping[str, Any], at: str) -> Mapping[str, Any]:
    """Return the parameters of a part; empty when it has none.

    Unknown parameters are allowed; those that would change the answer are refused.

    Raises
    ------
    WrongError
        The parameters are not an object, or have one that is refused.
    """
    parameters = part.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise WrongError(f"{at}/parameters", f"got {shown(parameters)}; allowed: an object")
    for name in _IMPOSSIBLE:
        if name in parameters:
            raise WrongError(f"{at}/parameters/{name}", "not possible here; allowed: to leave it out")
    return parameters


def flag(parameters: Mapping[str, Any], name: str, at: str, default: bool) -> bool:  # noqa: FBT001
    """Return a boolean parameter.

    Raises
    ------
    WrongError
        The value is not true or false.
    """
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise WrongError(f"{at}/parameters/{name}", f"got {shown(value)}; allowed: true or false")
    return value
