"""Online features: an item per entity and version in the online table, written by the run.

::

    pk  <model>#<version>#<part>   a version's items are in `PARTS` partitions, so that all can be found and deleted
    sk  =<entity>                  or ``#<hash>`` of an entity that is too long for a key
    as_of                          moment of the features
    columns                        JSON: column to value, as in training
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from relearn.errors import DataError, FieldError, InvalidInstancesError
from relearn.spec.columns import shown
from relearn.spec.fields import MAX_ERRORS, pointer
from relearn.spec.model import ModelSpec
from relearn.spec.tables import AS_OF

PARTS = 16
"""Number of partitions of a version's items."""
COLUMNS = "columns"
_LONGEST = 1024  # maximum bytes of a sort key
Key = tuple[str, str]
Instances = list[dict[str, Any]]


def partition(model: str, version: int, part: int) -> str:
    """Return the partition key of one part of a version's items."""
    return f"{model}#{version}#{part}"


def key(model: str, version: int, entity: str) -> Key:
    """Return the key of an entity's item, ``pk`` and ``sk``."""
    text = entity.encode()
    digest = hashlib.sha256(text)
    name = f"={entity}" if len(text) < _LONGEST else f"#{digest.hexdigest()}"
    return partition(model, version, digest.digest()[0] % PARTS), name


def item(spec: ModelSpec, version: int, line: bytes) -> dict[str, str]:
    """Return the item of one line in the training job's file.

    Raises
    ------
    DataError
        The line is malformed (code ``features``).
    """
    columns = [column.name for column in spec.columns]
    try:
        row = json.loads(line)
        entity, as_of = row[spec.entity], row.pop(AS_OF)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError("features", f"a line of the online features is not as agreed: {error!r}") from error
    if not isinstance(entity, str) or not isinstance(as_of, str) or row.keys() != set(columns):
        has, allowed = ", ".join([*row, AS_OF]), ", ".join([*columns, AS_OF])
        texts = f"with texts in {spec.entity} and {AS_OF}"
        raise DataError("features", f"a line of the online features has {has}; allowed: {allowed}, {texts}")
    pk, sk = key(spec.name, version, entity)
    kept = {name: row[name] for name in columns if name != spec.entity}
    return {"pk": pk, "sk": sk, AS_OF: as_of, COLUMNS: json.dumps(kept, separators=(",", ":"))}


def entities(spec: ModelSpec, instances: Instances) -> list[str]:
    """Return the entities that must be looked up: those of instances that leave out a column."""
    if (entity := spec.looked_up_by) is None:
        return []
    wanted = (one[entity] for one in instances if _lacks(spec, one) and one.get(entity) is not None)
    return list(dict.fromkeys(wanted))


def fill(
    spec: ModelSpec, version: int, instances: Instances, known: Mapping[str, Mapping[str, Any]]
) -> Instances:
    """Return checked instances with the columns that they left out; given values, including null, are kept.

    Parameters
    ----------
    spec, version
        Spec of the model, and version that will answer.
    instances
        Checked instances.
    known
        Entity to column to value, for those of `entities` that the version knows.

    Raises
    ------
    InvalidInstancesError
        The version does not know an entity, or not all of its columns.
    """
    filled = list(_filled(spec, instances, known))
    errors = tuple(
        FieldError(f"/instances/{index}{pointer(str(spec.entity))}", _unknown(spec, version, one, known))
        for index, one in enumerate(filled)
        if spec.looked_up_by and one.get(spec.looked_up_by) is not None and _lacks(spec, one)
    )
    if errors:
        raise InvalidInstancesError(errors[:MAX_ERRORS])
    return filled


def looked_up(spec: ModelSpec, given: Sequence[Mapping[str, Any]], filled: Instances) -> dict[str, Any]:
    """Return the columns that `fill` added, without private ones.

    Parameters
    ----------
    spec
        Spec of the model.
    given, filled
        Instances before and after `fill`.

    Returns
    -------
    dict
        Index of the instance, as text, to column to value; only instances with an added column.
    """
    private = {column.name for column in spec.columns if column.private}
    added = (
        (str(index), {name: value for name, value in after.items() if name not in {*before, *private}})
        for index, (before, after) in enumerate(zip(given, filled, strict=True))
    )
    return {index: columns for index, columns in added if columns}


def _filled(
    spec: ModelSpec, instances: Instances, known: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    names = {column.name for column in spec.columns}
    for one in instances:
        found = known.get(one.get(spec.entity or "") or "") if _lacks(spec, one) else None
        yield one if found is None else {**{k: v for k, v in found.items() if k in names}, **one}


def _lacks(spec: ModelSpec, instance: Mapping[str, Any]) -> bool:
    return any(column.name not in instance for column in spec.columns)


def _unknown(
    spec: ModelSpec, version: int, instance: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> str:
    entity = instance[spec.entity or ""]
    lacking = ", ".join(column.name for column in spec.columns if column.name not in instance)
    why = "not known with all its columns" if entity in known else "not known"
    return f"got {shown(entity)}, {why} to version {version}; allowed: a known one, or to give {lacking} too"
