"""Checks of request bodies against a spec; `relearn.api.json_schema` has their JSON Schemas.

`check_request` is on the hot path of every prediction: it uses the standard library only, makes one pass, and
reports every wrong field.

An instance has every column that is not optional. Where features are looked up (in a predict request, for a
model whose spec has `ModelSpec.looked_up_by`) it may have the entity instead, and leave out any other column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relearn.errors import FieldError, InvalidInstancesError
from relearn.spec.columns import Column, shown
from relearn.spec.fields import MAX_ERRORS, pointer, rows_of
from relearn.spec.model import ModelSpec

MAX_INSTANCES = 1000
"""Maximum number of instances in one request."""


def check_request(spec: ModelSpec, body: object, *, by_entity: bool = False) -> list[dict[str, Any]]:
    """Check the JSON body of a predict request against a spec.

    Parameters
    ----------
    spec
        Spec of the model.
    body
        Parsed JSON: ``{"instances": [{column: value, ...}, ...]}``.
    by_entity
        Whether the request may look up features by entity.

    Returns
    -------
    list of dict
        The instances, unchanged.

    Raises
    ------
    InvalidInstancesError
        An instance is wrong; the error has a JSON pointer for each wrong value, at most `MAX_ERRORS`.
    """
    instances, errors = rows_of(body, "instances", MAX_INSTANCES, InvalidInstancesError)
    for index, instance in enumerate(instances):
        errors += check_instance(spec, instance, f"/instances/{index}", by_entity=by_entity)
        if len(errors) >= MAX_ERRORS:
            break
    if errors:
        raise InvalidInstancesError(tuple(errors[:MAX_ERRORS]))
    return instances


def check_instance(
    spec: ModelSpec, instance: object, at: str = "", *, by_entity: bool = False
) -> list[FieldError]:
    """Return all errors of one instance.

    Parameters
    ----------
    spec
        Spec of the model.
    instance
        Parsed JSON of one row.
    at
        JSON pointer to the instance.
    by_entity
        Whether the request may look up features by entity.
    """
    if not isinstance(instance, dict):
        return [FieldError(at, f"got {shown(instance)}; allowed: an object with the model's columns")]
    errors = []
    key = spec.looked_up_by if by_entity else None
    looked_up = key is not None and instance.get(key) is not None
    for column in spec.columns:
        value = instance.get(column.name)
        if value is None or (column.missing and column.means_missing(value)):
            if not column.optional and (column.name in instance or not looked_up):
                detail = _missing(spec, column, instance, by_entity=by_entity)
                errors.append(FieldError(at + pointer(column.name), detail))
        elif (problem := column.problem(value)) is not None:
            errors.append(FieldError(at + pointer(column.name), problem))
    if len(instance) > len(spec.columns) or not instance.keys() <= {column.name for column in spec.columns}:
        names = [column.name for column in spec.columns]
        errors += [
            FieldError(at + pointer(name), f"unknown column; allowed: {', '.join(names)}")
            for name in instance
            if name not in names
        ]
    return errors


def _missing(spec: ModelSpec, column: Column, instance: Mapping[str, Any], *, by_entity: bool) -> str:
    given = column.name in instance
    value = instance.get(column.name)
    null = "null is" if value is None else f"got {shown(value)}, which stands for a missing value:"
    told = f"{f'{null} not allowed' if given else 'missing'}; allowed: {column.allowed}"
    entity = spec.looked_up_by
    if given or entity is None or entity == column.name:
        return told
    if by_entity:
        return f"{told}; or {entity} alone, by which it is looked up"
    return f"{told}; here nothing is looked up by {entity}: only predict does"
