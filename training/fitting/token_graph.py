"""Export a pipeline that starts with `training.fitting.token_counts.TokenCounts`, from the counts on.

A text has only a few of a vocabulary's tokens, so the graph takes only those: one int32 input named
`scoring.tokens.INPUT`, of shape (rows, 2, width). ``[:, 0]`` are token indexes, ``[:, 1]`` their counts, with
0 as padding. `TfidfTransformer` and `LogisticRegression` are exported here, on these few tokens. skl2onnx
converts any other step, on the dense matrix that the graph then builds. (For `TfidfTransformer` with
``sublinear_tf`` skl2onnx computes log(1 + n), where scikit-learn has 1 + log(n).)

The tokeniser with its vocabulary is stored in the graph's metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from scoring.encode import Array
from scoring.tokeniser import Tokeniser
from scoring.tokens import INPUT, METADATA
from training.fitting.token_counts import TokenCounts

OPSET, ML_OPSET, IR_VERSION = 18, 3, 10
DENSE = "weights_of_all"
Convert = Callable[[Any, list[tuple[str, Any]], dict[str, int]], onnx.ModelProto]
Graph = list[onnx.NodeProto | onnx.TensorProto]


def takes(estimator: Any) -> bool:
    """Return whether an estimator is a pipeline that starts with `TokenCounts`."""
    return isinstance(estimator, Pipeline) and isinstance(estimator[0], TokenCounts)


def export(estimator: Pipeline, convert: Convert) -> onnx.ModelProto:
    """Export a fitted pipeline as an ONNX graph.

    Parameters
    ----------
    estimator
        Pipeline that `takes` accepts.
    convert
        Converts an estimator, with its initial types and operator sets, to a graph.
    """
    tokeniser: Tokeniser = estimator[0].tokeniser_
    steps = list(estimator[1:])
    parts = _counts()
    if steps and isinstance(steps[0], TfidfTransformer):
        parts += _tfidf(steps.pop(0))
    else:
        parts += [helper.make_node("Identity", ["counts"], ["weights"])]
    if len(steps) == 1 and _is_softmax(steps[0]):
        graph = _model(
            parts + _logistic(steps[0]),
            helper.make_tensor_value_info("label", TensorProto.STRING, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, len(steps[0].classes_)]),
        )
    else:
        dense = helper.make_tensor_value_info(DENSE, TensorProto.FLOAT, [None, tokeniser.size])
        types = [(DENSE, FloatTensorType([None, tokeniser.size]))]
        rest = convert(make_pipeline(*steps), types, {"": OPSET, "ai.onnx.ml": ML_OPSET})
        graph = _joined(_model(parts + _dense(tokeniser.size), dense), rest)
    helper.set_model_props(graph, {METADATA: tokeniser.to_json()})
    return graph


def tokeniser_of(graph: onnx.ModelProto) -> Tokeniser:
    """Return the tokeniser of a graph.

    Raises
    ------
    ArtifactError
        The graph has none, or it is damaged.
    """
    return Tokeniser.from_json(
        next((each.value for each in graph.metadata_props if each.key == METADATA), "")
    )


def _is_softmax(step: Any) -> bool:
    return isinstance(step, LogisticRegression) and (len(step.classes_) == 2 or step.solver != "liblinear")  # noqa: PLR2004


def _counts() -> Graph:
    """Return nodes that split the input into ``tokens``, int32, and ``counts``, float32, both (rows, width)."""
    return [
        _constant("second", np.array([1], np.int64)),
        helper.make_node("Split", [INPUT], ["tokens_2", "counts_2"], axis=1, num_outputs=2),
        helper.make_node("Squeeze", ["tokens_2", "second"], ["tokens"]),
        helper.make_node("Squeeze", ["counts_2", "second"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["counts"], to=TensorProto.FLOAT),
    ]


def _tfidf(step: TfidfTransformer) -> Graph:
    """Return nodes that weight the counts: ``weights``, shape (rows, width)."""
    parts: Graph = [_constant("zero", np.float32(0)), _constant("one", np.float32(1))]
    last = "counts"
    if step.sublinear_tf:
        parts += [
            helper.make_node("Greater", ["counts", "zero"], ["there"]),
            helper.make_node("Max", ["counts", "one"], ["at_least_one"]),
            helper.make_node("Log", ["at_least_one"], ["log"]),
            helper.make_node("Add", ["log", "one"], ["damped_all"]),
            helper.make_node("Where", ["there", "damped_all", "zero"], ["damped"]),
        ]
        last = "damped"
    if step.use_idf:
        parts += [
            _constant("idf", step.idf_.astype(np.float32)),
            helper.make_node("Gather", ["idf", "tokens"], ["rarity"]),
            helper.make_node("Mul", [last, "rarity"], ["rare"]),
        ]
        last = "rare"
    if step.norm is None:
        return [*parts, helper.make_node("Identity", [last], ["weights"])]
    return [
        *parts,
        helper.make_node(
            {"l1": "ReduceL1", "l2": "ReduceL2"}[step.norm], [last, "second"], ["length"], keepdims=1
        ),
        helper.make_node("Equal", ["length", "zero"], ["empty"]),
        helper.make_node("Where", ["empty", "one", "length"], ["divisor"]),
        helper.make_node("Div", [last, "divisor"], ["weights"]),
    ]


def _logistic(step: LogisticRegression) -> Graph:
    """Return nodes that answer: ``label``, shape (rows,), and ``probabilities``, shape (rows, classes)."""
    coefficients, intercept = step.coef_, step.intercept_
    if len(step.classes_) == 2:  # noqa: PLR2004 - the logistic function is the softmax of 0 and the score
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercept = np.concatenate([np.zeros(1), intercept])
    return [
        _constant("coefficients", np.ascontiguousarray(coefficients.T.astype(np.float32))),
        _constant("intercept", intercept.astype(np.float32)),
        _constant("classes", step.classes_.astype(object)),
        helper.make_node("Gather", ["coefficients", "tokens"], ["theirs"]),
        helper.make_node("Unsqueeze", ["weights", "second"], ["weights_3"]),
        helper.make_node("MatMul", ["weights_3", "theirs"], ["sums_3"]),
        helper.make_node("Squeeze", ["sums_3", "second"], ["sums"]),
        helper.make_node("Add", ["sums", "intercept"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
        helper.make_node("Gather", ["classes", "best"], ["label"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]


def _dense(size: int) -> Graph:
    """Return nodes that build the matrix for skl2onnx's converters: `DENSE`, shape (rows, vocabulary)."""
    return [
        _constant("vocabulary", np.array([size], np.int64)),
        helper.make_node("Shape", ["tokens"], ["rows"], start=0, end=1),
        helper.make_node("Concat", ["rows", "vocabulary"], ["shape"], axis=0),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),  # float32 by default
        helper.make_node("ScatterElements", ["zeros", "tokens", "weights"], [DENSE], axis=1, reduction="add"),
    ]


def _joined(first: onnx.ModelProto, rest: onnx.ModelProto) -> onnx.ModelProto:
    renamed = compose.add_prefix(rest, "rest_", rename_inputs=True, rename_outputs=False)
    renamed.ir_version = first.ir_version
    for (
        domain
    ) in renamed.opset_import:  # converted for `OPSET`, but skl2onnx names the first set with the operators
        domain.version = domain.version if domain.domain else OPSET
    return compose.merge_models(first, renamed, io_map=[(DENSE, f"rest_{DENSE}")])


def _model(parts: Graph, *outputs: onnx.ValueInfoProto) -> onnx.ModelProto:
    graph = helper.make_graph(
        [part for part in parts if isinstance(part, onnx.NodeProto)],
        "tokens",
        [helper.make_tensor_value_info(INPUT, TensorProto.INT32, [None, 2, None])],
        list(outputs),
        [part for part in parts if isinstance(part, onnx.TensorProto)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _constant(name: str, value: Array | np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)
