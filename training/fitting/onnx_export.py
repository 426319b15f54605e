"""Export a fitted estimator as an ONNX graph whose answers agree with the estimator's.

Every graph has this form, also one from a model's own ``export``:

- inputs: either one named ``X``, float32 of shape (rows, features), with the features in the spec's order; or
  one per feature, named as the column, of shape (rows, 1), float32 or string;
- outputs: for a classification the labels (string) and probabilities (float32, one column per class in the
  order of the estimator's ``classes_``); for a regression the values (float32); for a ranking the items
  (string), scores (float32) and basis (string), see `training.fitting.ranking.graph`.

A pipeline that starts with `training.fitting.token_counts.TokenCounts` has the one input of
`training.fitting.token_graph`.

One matrix is a third faster at one row than an input per column, so it is used where every feature is a
number and no ColumnTransformer selects columns by name.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import compose
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.tree._tree import Tree

from relearn.errors import ArtifactError
from relearn.spec.model import ModelSpec
from scoring import tokens
from scoring.encode import FLOAT, STRING, Array, seen, type_of
from scoring.scorer import Input
from training.fitting import token_graph
from training.fitting.thresholds import TREES

MATRIX = "X"  # no column can have this name
Export = Callable[[Any, ModelSpec], onnx.ModelProto]
_STRING, _FLOAT = onnx.TensorProto.STRING, onnx.TensorProto.FLOAT
_OUTPUTS = {
    "classification": ([_STRING, _FLOAT], "labels (string) and probabilities (float32)"),
    "regression": ([_FLOAT], "values (float32)"),
    "ranking": ([_STRING, _FLOAT, _STRING], "items (string), scores (float32) and basis (string)"),
}
_Shape = tuple[tuple[int, int, float] | None, ...]
"""Nodes of a tree in their order: feature, left child and float32 threshold; None for a leaf."""
_ELEMENTS = {onnx.TensorProto.FLOAT: FLOAT, onnx.TensorProto.STRING: STRING}


def export(estimator: Any, spec: ModelSpec) -> onnx.ModelProto:
    """Convert a fitted estimator to an ONNX graph with skl2onnx.

    Parameters
    ----------
    estimator
        Estimator, fitted on a DataFrame with the spec's features.
    spec
        Spec of the model.

    Raises
    ------
    ArtifactError
        skl2onnx cannot convert the estimator.
    """
    exact = copy.deepcopy(estimator)  # leave the fitted estimator as it is, for the agreement check
    parts = list(_parts(exact))
    for part in parts:
        if isinstance(part, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
            _round_thresholds_down(part)
    options = {"zipmap": False} if spec.kind == "classification" else None

    def convert(
        what: Any, types: list[tuple[str, Any]], opsets: dict[str, int] | None = None
    ) -> onnx.ModelProto:
        graph: onnx.ModelProto = to_onnx(
            what, initial_types=types, options=options, name=spec.name, target_opset=opsets
        )
        return graph

    by_name = any(isinstance(part, ColumnTransformer) for part in parts)
    try:
        if token_graph.takes(exact):
            graph = token_graph.export(exact, convert)
        else:
            types = _initial_types(spec, by_name=by_name)
            graph = with_inputs(convert(exact, types), [name for name, _ in types])
    except Exception as error:  # skl2onnx raises whatever its converters meet
        raise ArtifactError(f"skl2onnx cannot convert the estimator: {error}") from error
    send_missing_as_fitted(graph, parts)
    return in_order(use_plain_locale(graph))


def layout(graph: onnx.ModelProto, spec: ModelSpec) -> list[Input]:
    """Return how the columns of a spec become the inputs of a graph, and check its outputs.

    Raises
    ------
    ArtifactError
        The graph does not have the form that this module describes.
    """
    names = tuple(column.name for column in seen(spec.inputs))
    inputs = []
    for given in graph.graph.input:
        if given.name == tokens.INPUT:
            inputs.append(Input(tokens.INPUT, tokens.TYPE, token_graph.tokeniser_of(graph).columns))
            continue
        kind = _ELEMENTS.get(given.type.tensor_type.elem_type)
        columns = names if given.name == MATRIX else (given.name,)
        wanted = {type_of(column) for column in seen(spec.inputs) if column.name in columns}
        if wanted != {kind}:
            raise ArtifactError(
                f"graph input {given.name!r} is {kind}; allowed: {MATRIX!r} for all features when all are "
                f"float32, or one per feature of its own type ({', '.join(names)})"
            )
        inputs.append(Input(given.name, str(kind), columns))
    given_types = [output.type.tensor_type.elem_type for output in graph.graph.output]
    wanted_types, words = _OUTPUTS[spec.kind]
    if given_types != wanted_types:
        raise ArtifactError(f"graph outputs have types {given_types}; allowed: {words}")
    return inputs


def send_missing_as_fitted(graph: onnx.ModelProto, parts: Iterable[Any]) -> onnx.ModelProto:
    """Send a missing number to the branch that the fitted trees send it to.

    skl2onnx 1.20 (`add_tree_to_attribute_pairs`) sends it right at every node of scikit-learn's trees and
    forests. Those learn a side; where the data has no missing value, they choose the child with more samples.

    Parameters
    ----------
    graph
        Graph from skl2onnx; changed in place.
    parts
        Estimators that the graph was made from.
    """
    fitted: dict[_Shape, list[int]] = {}
    for part in parts:
        tree = getattr(part, "tree_", None)
        if isinstance(tree, Tree):
            left = [int(side) for side in tree.missing_go_to_left]
            shape = _shape_of(tree)
            # Trees of one shape with different sides cannot be told apart: the agreement check decides on them.
            fitted[shape] = left if fitted.setdefault(shape, left) == left else []
    for node in graph.graph.node:
        if fitted and node.op_type in TREES:
            _send_missing(node, fitted)
    return graph


def _send_missing(node: onnx.NodeProto, fitted: Mapping[_Shape, Sequence[int]]) -> None:
    given = {each.name: each for each in node.attribute}
    at: dict[int, list[int]] = {}
    for index, tree in enumerate(given["nodes_treeids"].ints):
        at.setdefault(tree, []).append(index)
    sides = given["nodes_missing_value_tracks_true"].ints
    for places in at.values():
        shape = tuple(
            None
            if given["nodes_modes"].strings[index] == b"LEAF"
            else (
                given["nodes_featureids"].ints[index],
                given["nodes_truenodeids"].ints[index],
                float(np.float32(given["nodes_values"].floats[index])),
            )
            for index in places
        )
        for index, side in zip(places, fitted.get(shape, ()), strict=False):
            sides[index] = side


def _shape_of(tree: Tree) -> _Shape:
    thresholds = round_down(tree.threshold)
    return tuple(
        None if left < 0 else (int(feature), int(left), float(threshold))
        for feature, left, threshold in zip(tree.feature, tree.children_left, thresholds, strict=True)
    )


def use_plain_locale(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Set the locale of text nodes to "C", the only one in slim images."""
    for node in graph.graph.node:
        if node.op_type == "StringNormalizer":
            kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("locale", "C")])
    return graph


def in_order(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Sort the operator sets, which skl2onnx lists in arbitrary order, so that equal models are equal bytes."""
    sets = sorted(graph.opset_import, key=lambda each: each.domain)
    del graph.opset_import[:]
    graph.opset_import.extend(sets)
    return graph


def with_inputs(graph: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Name the inputs of a graph as their columns, in order.

    skl2onnx renames an input whose name it already uses for a value of its own (``variable``). The graph's
    own names then get a prefix that no column can have.
    """
    given = [one.name for one in graph.graph.input]
    if given == list(names):
        return graph
    graph = compose.add_prefix(graph, "_", rename_functions=False)
    _rename(graph.graph, {f"_{old}": name for old, name in zip(given, names, strict=True)})
    return graph


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for one in graph.input:
        one.name = names.get(one.name, one.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _rename(inner, names)


def round_down(thresholds: Array) -> Array:
    """Round float64 down to float32, so that ``x <= t`` stays true for the same float32 values x."""
    nearest = thresholds.astype(np.float32)
    above = nearest.astype(np.float64) > thresholds
    return np.where(above, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _round_thresholds_down(part: Any) -> None:
    # skl2onnx rounds down for trees and forests itself, but to nearest for histogram boosting
    for trees in part._predictors:  # noqa: SLF001 - where scikit-learn keeps them; skl2onnx reads them there too
        for tree in trees:
            tree.nodes["num_threshold"] = round_down(tree.nodes["num_threshold"])


def _parts(root: object) -> Iterator[BaseEstimator]:
    """Yield every estimator inside an estimator: steps, transformers, members of an ensemble."""
    waiting, seen = [root], set[int]()
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, BaseEstimator):
            yield item
            waiting += vars(item).values()
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item


def _initial_types(spec: ModelSpec, *, by_name: bool) -> list[tuple[str, Any]]:
    features = seen(spec.features)
    if not by_name and all(type_of(column) == FLOAT for column in features):
        return [(MATRIX, FloatTensorType([None, len(features)]))]
    tensors = {FLOAT: FloatTensorType, STRING: StringTensorType}
    return [(column.name, tensors[type_of(column)]([None, 1])) for column in features]
