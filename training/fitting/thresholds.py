"""Make rows at the thresholds of a graph's trees, where rounding errors show first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from scoring.scorer import Input
from scoring.tokens import TYPE as TOKENS
from training.data.dataset import Table

LIMIT = 10_000  # most thresholds tried, three rows each
TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")


def rows(graph: onnx.ModelProto, inputs: Sequence[Input], table: Table) -> Table | None:
    """Make rows at each threshold, one float32 below it and one above it.

    Parameters
    ----------
    graph
        Exported graph.
    inputs
        Layout of its inputs.
    table
        Rows that the other values and the target are copied from, in turn.

    Returns
    -------
    Table or None
        None when no tree reads a feature unchanged.
    """
    pairs = sorted(split_points(graph, inputs))[:LIMIT]
    if not pairs:
        return None
    chosen = np.arange(3 * len(pairs)) % len(table)
    columns = {name: values[chosen].copy() for name, values in table.columns.items()}
    for index, (name, threshold) in enumerate(pairs):
        at = np.float32(threshold)
        beside = [np.nextafter(at, np.float32(-np.inf)), at, np.nextafter(at, np.float32(np.inf))]
        columns[name][3 * index : 3 * index + 3] = beside
    return Table(columns, table.target[chosen])


def split_points(graph: onnx.ModelProto, inputs: Sequence[Input]) -> set[tuple[str, float]]:
    """Return (feature, threshold) of every tree node that reads a feature unchanged."""
    made_by = {output: node for node in graph.graph.node for output in node.output}
    known = {given.name: list(given.columns) for given in inputs if given.type != TOKENS}
    found = set()
    for node in graph.graph.node:
        if node.op_type in TREES:
            columns = _columns(node.input[0], made_by, known)
            values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            for mode, feature, threshold in zip(
                values["nodes_modes"], values["nodes_featureids"], values["nodes_values"], strict=True
            ):
                if mode != b"LEAF" and feature < len(columns) and np.isfinite(threshold):
                    found.add((columns[feature], float(threshold)))
    return found


def _columns(name: str, made_by: dict[str, onnx.NodeProto], known: dict[str, list[str]]) -> list[str]:
    """Return the features that a tensor holds unchanged, from its first column to the first computed one."""
    if name in known:
        return known[name]
    node = made_by.get(name)
    if node is None or node.op_type not in ("Concat", "FeatureVectorizer", "Cast", "Identity"):
        return []
    columns: list[str] = []
    for part in node.input:
        held = _columns(part, made_by, known)
        if not held:
            break
        columns += held
    return columns
