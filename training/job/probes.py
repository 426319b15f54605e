"""Write probes: held-out rows as requests, sent to candidate and champion when live traffic is too low.

The sample is training data, with every column that the model learns from, and stays in the lake.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.data.column_types import LEARNT_TYPES, is_missing

ROWS = 200
"""Most probes in the file."""
LARGEST = 1_000_000
"""Largest size of the file, in bytes; with long texts there are fewer probes."""
FILE = "probes.jsonl"
_UNNAMED = "p"
"""Value of ids that a request needs but the model does not use."""


def write(folder: Path, spec: ModelSpec, columns: Mapping[str, Array]) -> None:
    """Write the probes, one JSON instance per line.

    Parameters
    ----------
    folder
        Folder of the job's output data.
    spec
        Spec of the model.
    columns
        Encoded values of shape (rows,) by column of the evaluation set.
    """
    with (folder / FILE).open("wb") as file:
        for instance in instances(spec, columns):
            line = json.dumps(instance, ensure_ascii=False).encode() + b"\n"
            if file.tell() + len(line) > LARGEST:
                return
            file.write(line)


def instances(spec: ModelSpec, columns: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Return at most `ROWS` rows as request instances; the same evaluation set gives the same rows."""
    count = len(next(iter(columns.values())))
    # Shuffled: an evaluation set may be ordered by its target.
    chosen = np.random.default_rng(0).permutation(count)[:ROWS]
    return [_instance(spec, {name: values[row] for name, values in columns.items()}) for row in chosen]


def _instance(spec: ModelSpec, row: Mapping[str, Any]) -> dict[str, Any]:
    given = {
        column.name: LEARNT_TYPES[type(column)].given(column, row[column.name])
        for column in spec.columns
        if column.name in row and not is_missing(column, row[column.name])
    }
    # The spec may require an id in a request although the model does not use it.
    ids = {column.name: _UNNAMED for column in spec.columns if column.name not in row and not column.optional}
    return {**ids, **given}
