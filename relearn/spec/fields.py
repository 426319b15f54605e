"""Fields of a JSON body from a caller, and JSON pointers to the wrong ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from relearn.errors import FieldError, InvalidBodyError
from relearn.spec.columns import shown

MAX_ERRORS = 100
"""Maximum number of wrong fields that one answer reports."""


def fields_of(
    body: object, allowed: Sequence[str], refuse: type[InvalidBodyError]
) -> tuple[Mapping[str, Any], list[FieldError]]:
    """Read the fields that a body may have.

    Parameters
    ----------
    body
        Parsed JSON.
    allowed
        Names of the fields.
    refuse
        Class of the error for a body that is not an object.

    Returns
    -------
    Mapping, list of FieldError
        The body, and an error for each field that is not allowed.

    Raises
    ------
    InvalidBodyError
        The body is not an object; the error is a ``refuse``.
    """
    if not isinstance(body, dict):
        raise refuse((FieldError("", f"got {shown(body)}; allowed: a JSON object"),))
    told = f"unknown field; allowed: {', '.join(allowed)}"
    return body, [FieldError(pointer(name), told) for name in body if name not in allowed]


def rows_of(
    body: object, name: str, most: int, refuse: type[InvalidBodyError]
) -> tuple[list[Any], list[FieldError]]:
    """Read a body whose only field is a list of 1 to ``most`` rows.

    Parameters
    ----------
    body
        Parsed JSON.
    name
        Name of the field.
    most
        Maximum number of rows.
    refuse
        Class of the error for a wrong body.

    Returns
    -------
    list, list of FieldError
        The rows, and an error for each field that is not allowed.

    Raises
    ------
    InvalidBodyError
        The body is not an object, or the field is not such a list; the error is a ``refuse``.
    """
    fields, errors = fields_of(body, (name,), refuse)
    rows = fields.get(name)
    if not isinstance(rows, list) or not 1 <= len(rows) <= most:
        given = f"{len(rows)} rows" if isinstance(rows, list) else shown(rows)
        detail = f"got {given}; allowed: a list of 1 to {most} objects"
        raise refuse((*errors, FieldError(f"/{name}", detail)))
    return rows, errors


def pointer(name: str) -> str:
    """Return the JSON pointer (RFC 6901) of one field of the top level."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")
