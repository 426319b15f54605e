"""What a training job does differently from kind to kind of model, chosen here and nowhere else.

A job reads rows and splits them, makes a candidate, makes an evaluation set of what was held out, and lets the candidate and the
champion sit it. `training.fitting.tabular` does so for models whose rows are features and a target, `training.fitting.ranking.task`
for recommenders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from relearn.spec.model import ModelSpec
from scoring.container import Job
from scoring.encode import Array
from scoring.scorer import Input, Scorer, Scores
from training.data.dataset import Dataset
from training.fitting.agreement import Agreement


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted model as it will serve.

    Parameters
    ----------
    onnx
        The serialised graph.
    inputs, classes
        How to feed it, and the order of its probabilities.
    scorer
        The graph, loaded.
    agreed
        How well it agrees with the estimator.
    terms
        The terms that speak for each class; None where there are none.
    reach
        How far from zero it answers where the spec sets a number no bound; None: as far as float32 goes.
    """

    onnx: bytes
    inputs: list[Input]
    classes: list[str]
    scorer: Scorer
    agreed: Agreement
    terms: dict[str, list[list[Any]]] | None = None
    reach: float | None = None


class EvaluationSet(Protocol):
    """What was held out, as questions."""

    @property
    def columns(self) -> Mapping[str, Array]:
        """What a graph is asked: name to encoded values of shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the candidate answered.

    Parameters
    ----------
    evaluation_set
        The questions, and the truth.
    scores
        The answers.
    classes
        Order of the probabilities' columns.
    """

    evaluation_set: Any
    scores: Scores
    classes: tuple[str, ...]


class Task(Protocol):
    """One kind of model, trained and measured."""

    @property
    def LIBRARIES(self) -> tuple[str, ...]:  # noqa: N802 - a constant of a module
        """What a version's description names the versions of."""

    def refuse_unusable(self, spec: ModelSpec, dataset: Dataset) -> None:
        """Raise DataError unless both sides of the split can be used."""

    def make_candidate(self, spec: ModelSpec, job: Job, dataset: Dataset) -> Candidate:
        """Fit the model, export it, and check that both answer the same."""

    def make_evaluation_set(self, spec: ModelSpec, dataset: Dataset) -> Any:
        """Ask what was held out; gives an `EvaluationSet`, with the truth."""

    def evaluate(
        self, spec: ModelSpec, evaluation_set: Any, scores: Scores, classes: Sequence[str]
    ) -> dict[str, Any]:
        """Measure answers to the evaluation set: ``metrics``, and what else the kind has, JSON-ready."""

    def duel(self, spec: ModelSpec, evaluation_set: Any, mine: Scores, theirs: Scores) -> tuple[int, int]:
        """Count where the first answers are better than the second, and where they are worse."""

    def explain(self, spec: ModelSpec, evaluation_set: Any, candidate: Candidate) -> dict[str, float]:
        """Say by how much the metric worsens without each feature."""

    def naive(self, spec: ModelSpec, answers: Answers) -> dict[str, Any] | None:
        """Measure what needs no model, and the candidate's lead over it; None where there is no such thing."""

    def sections(self, spec: ModelSpec, report: Mapping[str, Any], answers: Answers) -> list[str]:
        """Write the report's sections about how good the answers are."""
