"""Interface of the kinds of models: everything that a training job does differently from kind to kind.

A job reads and splits rows, makes a candidate, makes an evaluation set of the holdout, and evaluates
candidate and champion on it. `training.fitting.tabular` implements this for models with features and a
target, `training.fitting.ranking.task` for recommenders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.power import Power
from relearn.spec.model import ModelSpec
from scoring.container import Job
from scoring.encode import Array
from scoring.scorer import Input, Scorer, Scores, ServedThreshold
from training.data.dataset import Dataset
from training.fitting.agreement import Agreement


@dataclass(frozen=True, slots=True)
class Candidate:
    """Fitted and exported model, as it will serve.

    Parameters
    ----------
    onnx
        Serialised ONNX graph.
    inputs, classes
        Inputs of the graph, and the classes in the order of its probabilities (empty without).
    scorer
        Loaded graph.
    agreed
        Agreement of the graph with the estimator.
    terms
        Strongest terms of each class; None where the model has none.
    reach
        Largest absolute value that the model answers for, in numbers without a bound in the spec; None: any
        float32.
    threshold
        Threshold that is served; None: the more probable class is answered.
    """

    onnx: bytes
    inputs: list[Input]
    classes: list[str]
    scorer: Scorer
    agreed: Agreement
    terms: dict[str, list[list[Any]]] | None = None
    reach: float | None = None
    threshold: ServedThreshold | None = None


class EvaluationSet(Protocol):
    """Held-out rows, as input for a graph."""

    @property
    def columns(self) -> Mapping[str, Array]:
        """Encoded values of shape (rows,) by column of the graph's input."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of a model.

    Parameters
    ----------
    evaluation_set
        Evaluation set with the truth.
    scores
        Scores of the model on it.
    classes
        Classes in the order of the probabilities' columns.
    """

    evaluation_set: Any
    scores: Scores
    classes: tuple[str, ...]


class Task(Protocol):
    """Training and evaluation of one kind of model."""

    @property
    def LIBRARIES(self) -> tuple[str, ...]:  # noqa: N802 - a constant of a module
        """Libraries whose versions model.json records."""

    def refuse_unusable(self, spec: ModelSpec, dataset: Dataset) -> None:
        """Raise DataError unless both sides of the split can be used."""

    def make_candidate(self, spec: ModelSpec, job: Job, dataset: Dataset) -> Candidate:
        """Fit the model, export it, and check that the ONNX graph agrees with the estimator."""

    def make_evaluation_set(self, spec: ModelSpec, dataset: Dataset) -> Any:
        """Return the `EvaluationSet` of the holdout, with the truth."""

    def evaluate(
        self, spec: ModelSpec, evaluation_set: Any, scores: Scores, classes: Sequence[str]
    ) -> dict[str, Any]:
        """Return the metrics of answers as ``metrics``, with further results of the kind, JSON-ready."""

    def duel(self, spec: ModelSpec, evaluation_set: Any, mine: Scores, theirs: Scores) -> tuple[int, int]:
        """Count the rows on which the first answers are better than the second, and worse."""

    def compare(self, spec: ModelSpec, mine: Answers, theirs: Answers) -> Comparison | None:
        """Return the difference in the deciding metric on the same rows; None where the metric is undefined."""

    def compare_parts(
        self, spec: ModelSpec, mine: Answers, theirs: Answers, new: Array
    ) -> dict[str, Comparison]:
        """Return the comparison's parts, by the names of `relearn.lifecycle.comparison.PARTS`; may be empty.

        ``new`` is true for the rows that the second model was not examined on, shape (rows,).
        """

    def plan(self, spec: ModelSpec, answers: Answers) -> Power | None:
        """Return the smallest difference that the evaluation set will show, judged by one model's answers.

        None where the metric is undefined.
        """

    def explain(self, spec: ModelSpec, evaluation_set: Any, candidate: Candidate) -> dict[str, float]:
        """Return by how much the metric worsens without each feature; may be empty."""

    def naive(self, spec: ModelSpec, answers: Answers) -> dict[str, Any] | None:
        """Return the naive baseline's metrics and the candidate's lead over it; None for a kind without one."""

    def sections(self, spec: ModelSpec, report: Mapping[str, Any], answers: Answers) -> list[str]:
        """Return the report's HTML sections about the quality of the answers."""
