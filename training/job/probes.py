"""A sample of what was held out, as requests: asked of a candidate and the champion when too few others ask them.

It is training data, with every column that the model learns of, and stays in the lake.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from relearn.spec.model import Boolean, Column, ModelSpec, Number
from scoring.encode import STRING, Array, type_of

ROWS = 200
"""At most."""
LARGEST = 1_000_000
"""Bytes of the file, at most: rows of long texts are fewer."""
FILE = "probes.jsonl"
_UNNAMED = "p"
_FROM_2000 = datetime(2000, 1, 1, tzinfo=UTC)


def write(folder: Path, spec: ModelSpec, columns: Mapping[str, Array]) -> None:
    """Write the sample, one instance a line.

    Parameters
    ----------
    folder
        Where SageMaker looks for a job's output data.
    spec
        The model's spec.
    columns
        Columns of the evaluation set: name to encoded values of shape (rows,).
    """
    with (folder / FILE).open("wb") as file:
        for instance in instances(spec, columns):
            line = json.dumps(instance, ensure_ascii=False).encode() + b"\n"
            if file.tell() + len(line) > LARGEST:
                return
            file.write(line)


def instances(spec: ModelSpec, columns: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Choose at most `ROWS` rows, the same of the same evaluation set, and write them as a request does."""
    count = len(next(iter(columns.values())))
    # Shuffled: an evaluation set may be in the order of its target.
    chosen = np.random.default_rng(0).permutation(count)[:ROWS]
    return [_instance(spec, {name: values[row] for name, values in columns.items()}) for row in chosen]


def _instance(spec: ModelSpec, row: Mapping[str, Any]) -> dict[str, Any]:
    given = {
        column.name: _value(column, row[column.name])
        for column in spec.columns
        if column.name in row and not _is_missing(column, row[column.name])
    }
    # An id that is no input of the model may be demanded of a request all the same.
    ids = {column.name: _UNNAMED for column in spec.columns if column.name not in row and not column.optional}
    return {**ids, **given}


def _is_missing(column: Column, value: Any) -> bool:
    return bool(value == "" if type_of(column) == STRING else np.isnan(value))


def _value(column: Column, value: Any) -> Any:
    if isinstance(column, Number):
        return column.as_given(float(value))
    if type_of(column) == STRING:
        return str(value)
    if isinstance(column, Boolean):
        return bool(value)
    return (_FROM_2000 + timedelta(days=float(value))).isoformat(timespec="seconds")
