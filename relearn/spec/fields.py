"""The fields of a JSON body from outside, and where in it something is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from relearn.errors import FieldError, InvalidBodyError
from relearn.spec.columns import shown

MAX_ERRORS = 100
"""Wrong fields reported in one answer at most."""


def fields_of(
    body: object, allowed: Sequence[str], refuse: type[InvalidBodyError]
) -> tuple[Mapping[str, Any], list[FieldError]]:
    """Read the fields that a body may have.

    Parameters
    ----------
    body
        Parsed JSON.
    allowed
        The fields.
    refuse
        What a wrong body is told with.

    Returns
    -------
    Mapping, list of FieldError
        The body; and every field of it that is not allowed.

    Raises
    ------
    InvalidBodyError
        ``refuse``: the body is no object.
    """
    if not isinstance(body, dict):
        raise refuse((FieldError("", f"got {shown(body)}; allowed: a JSON object"),))
    told = f"unknown field; allowed: {', '.join(allowed)}"
    return body, [FieldError(pointer(name), told) for name in body if name not in allowed]


def rows_of(
    body: object, name: str, most: int, refuse: type[InvalidBodyError]
) -> tuple[list[Any], list[FieldError]]:
    """Read the list of 1 to ``most`` rows that is all that a body has; otherwise as `fields_of`."""
    fields, errors = fields_of(body, (name,), refuse)
    rows = fields.get(name)
    if not isinstance(rows, list) or not 1 <= len(rows) <= most:
        given = f"{len(rows)} rows" if isinstance(rows, list) else shown(rows)
        detail = f"got {given}; allowed: a list of 1 to {most} objects"
        raise refuse((*errors, FieldError(f"/{name}", detail)))
    return rows, errors


def pointer(name: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")
