"""Score rows with an ONNX model: the same code in evaluation, in the agreement check and in the server.

A server imports this module, so it needs numpy and onnxruntime alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from relearn.errors import ArtifactError
from relearn.spec.model import ModelSpec
from scoring import tokens
from scoring.encode import Array, Seen, from_values, seen, source

BATCH = 50_000  # rows scored at a time, to bound memory for a large holdout
ROWS_AT_ONCE = "rows_at_once"
"""Key in a graph's metadata: how many rows to score at a time instead, for a graph that needs much memory per row."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a graph.

    Parameters
    ----------
    name
        Name of the input in the graph.
    type
        ``"float32"``, ``"string"``, or ``"tokens"``: the token counts of texts (`scoring.tokens`).
    columns
        Columns that the input takes, in order; its shape is (rows, columns).
    """

    name: str
    type: str
    columns: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the input as JSON-ready data."""
        return {"name": self.name, "type": self.type, "columns": list(self.columns)}


@dataclass(frozen=True, slots=True)
class ServedThreshold:
    """Least probability of one of two classes at which it is answered.

    Parameters
    ----------
    label, other
        That class, and the other one.
    probability
        The threshold, a float32 above 0 and at most 1: probabilities are float32, so that any other number would be rounded in
        a comparison with them.
    """

    label: str
    other: str
    probability: float

    def as_dict(self) -> dict[str, Any]:
        """Return the label and the probability as JSON-ready data."""
        return {"label": self.label, "probability": self.probability}

    def labels(self, probabilities: Array) -> Array:
        """Return the label of each row, given the float32 probability of the class, shape (rows,)."""
        names = np.array([self.other, self.label], dtype=object)
        return names[(probabilities >= np.float32(self.probability)).astype(np.intp)]


class Scores(NamedTuple):
    """Predictions of a model for some rows.

    Parameters
    ----------
    predictions
        Shape (rows,): labels as strings, or float32 values. For a ranking, shape (rows, k): items, best first; the
        empty string where there are fewer than k.
    probabilities
        Shape (rows, classes), in the order of the model's classes; None unless it is a classification.
    scores
        Shape (rows, k): score of each item, -inf where there is no item; None unless it is a ranking.
    basis
        Shape (rows,): how the items were chosen, one of `relearn.spec.ranking.BASES`; None unless it is a ranking.
    """

    predictions: Array
    probabilities: Array | None
    scores: Array | None = None
    basis: Array | None = None

    @classmethod
    def joined(cls, parts: Sequence[Scores]) -> Scores:
        """Concatenate the scores of consecutive parts of the rows."""
        joined: list[Any] = [
            None if one[0] is None else np.concatenate(one) for one in zip(*parts, strict=True)
        ]
        return cls(*joined)


class Scorer:
    """Loaded ONNX model.

    Parameters
    ----------
    onnx
        Serialised graph.
    spec
        Spec that the model was trained for.
    inputs
        Mapping of columns to the graph's inputs.
    threshold, column
        Threshold that is served, and the column of its class among the probabilities; None: the graph's labels are.

    Raises
    ------
    ArtifactError
        onnxruntime cannot load the graph, its metadata is wrong, or its inputs name a column that the spec lacks.
    """

    def __init__(
        self,
        onnx: bytes,
        spec: ModelSpec,
        inputs: Sequence[Input],
        threshold: ServedThreshold | None = None,
        column: int = 0,
    ) -> None:
        features: dict[str, Seen] = {column.name: column for column in seen(spec.inputs)}
        if unknown := [name for given in inputs for name in given.columns if name not in features]:
            raise ArtifactError(f"the model takes {unknown[0]!r}, which is no input of its spec")
        self._inputs = inputs
        at = {column.name: index for index, column in enumerate(spec.columns)}
        self._places = [[at[source(features[name])] for name in given.columns] for given in inputs]
        self._encoders = [from_values([features[name] for name in given.columns]) for given in inputs]
        self._as_given = self._places == [list(range(len(spec.columns)))]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # one thread per request: workers use the other cores
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # faster at one row; frees the memory of a large request
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base of their own
            raise ArtifactError(f"onnxruntime does not load the model: {error}") from error
        self._batch = _rows_at_once(self._session.get_modelmeta().custom_metadata_map)
        self._feed = self._token_feed()
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.kind = spec.kind
        self._threshold, self._column = threshold, column

    def at(self, threshold: ServedThreshold | None, column: int) -> Scorer:
        """Return the same loaded model with a threshold, and the column of its class among the probabilities."""
        other = copy.copy(self)
        other._threshold, other._column = threshold, column  # noqa: SLF001 - a copy of this one
        return other

    def rows(self, rows: Sequence[Sequence[Any]]) -> Scores:
        """Score checked request rows (see `scoring.reading`)."""
        if self._as_given:  # one input takes every column in order
            return self._run({self._inputs[0].name: self._encoders[0](rows)})
        return self._run(
            {
                given.name: encode([[row[place] for place in places] for row in rows])
                for given, encode, places in zip(self._inputs, self._encoders, self._places, strict=True)
            }
        )

    def columns(self, columns: Mapping[str, Array]) -> Scores:
        """Score encoded columns, each of shape (rows,), by name."""
        return self._run(
            {given.name: np.column_stack([columns[name] for name in given.columns]) for given in self._inputs}
        )

    def _token_feed(self) -> tokens.Feed | None:
        given = next((each for each in self._inputs if each.type == tokens.TYPE), None)
        if given is None:
            return None
        if len(self._inputs) > 1:
            raise ArtifactError(f"the model takes {given.name} and other inputs; allowed: {given.name} alone")
        feed = tokens.Feed(self._session.get_modelmeta().custom_metadata_map, given.columns)
        try:  # a graph for a smaller vocabulary fails at the last token
            self._session.run(None, {given.name: feed.last})
        except Exception as error:  # onnxruntime's exceptions have no common base of their own
            raise ArtifactError(f"the model does not take what its tokeniser gives: {error}") from error
        return feed

    def _run(self, feeds: dict[str, Array]) -> Scores:
        if self._feed is not None:
            ((name, texts),) = feeds.items()
            return Scores.joined(
                [
                    self._scores(self._session.run(self._outputs, {name: part}))
                    for part in self._feed.parts(texts.tolist())
                ]
            )
        count, step = len(feeds[self._inputs[0].name]), self._batch
        if count <= step:
            return self._scores(self._session.run(self._outputs, feeds))
        return Scores.joined(
            [
                self._scores(
                    self._session.run(
                        self._outputs, {name: values[start : start + step] for name, values in feeds.items()}
                    )
                )
                for start in range(0, count, step)
            ]
        )

    def _scores(self, outputs: list[Array]) -> Scores:
        match self.kind:
            case "classification":
                if self._threshold is None:
                    return Scores(outputs[0], outputs[1])
                return Scores(self._threshold.labels(outputs[1][:, self._column]), outputs[1])
            case "regression":
                return Scores(outputs[0].reshape(-1), None)
            case "ranking":
                return Scores(outputs[0], None, outputs[1], outputs[2])


def _rows_at_once(metadata: Mapping[str, str]) -> int:
    told = metadata.get(ROWS_AT_ONCE, str(BATCH))
    if (
        not told.isascii()
        or not told.isdecimal()
        or len(told) > len(str(BATCH))
        or not 1 <= int(told) <= BATCH
    ):
        raise ArtifactError(f"{ROWS_AT_ONCE} in the model's metadata is {told[:20]!r}; allowed: 1 to {BATCH}")
    return int(told)
