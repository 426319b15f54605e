"""Choose the rows and classes on which a candidate is compared with a version of an earlier spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn import metrics

from relearn.lifecycle.changed_spec import NewClass
from relearn.spec.columns import Category
from relearn.spec.model import ModelSpec
from scoring.encode import Array
from scoring.scorer import Scores
from training.data.views import View
from training.fitting import tabular
from training.fitting.comparison import LEAST_PROBABILITY
from training.fitting.tasks import Answers

OTHER = ""
"""Label of an answer that is none of the shared classes; no class has an empty name."""
FEWEST_CLASSES = 2
"""Fewest classes that two models must share to be compared."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Rows and classes that two models are compared on.

    Parameters
    ----------
    spec
        Spec of the candidate, with the classes alone that both know.
    rows
        Whether a row of the evaluation set is compared, shape (rows,).
    new, removed
        Classes that the candidate alone knows, and those that the other alone knows.
    incomplete
        Number of rows of shared classes that lack a column that the other needs.
    """

    spec: ModelSpec
    rows: Array
    new: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    incomplete: int = 0

    @property
    def is_everything(self) -> bool:
        """Whether all rows and classes are shared."""
        return not self.new and not self.removed and bool(self.rows.all())

    def of(self, answers: Answers) -> Answers:
        """Return answers to the whole evaluation set as those to the shared rows, about the shared classes."""
        return self.about_classes(tabular.part(answers, self.rows))

    def about_classes(self, answers: Answers) -> Answers:
        """Return answers to the shared rows about the shared classes; any other answer becomes `OTHER`."""
        if not self.new and not self.removed:
            return answers
        kept = [at for at, label in enumerate(answers.classes) if label in self.spec.classes]
        given, probabilities = answers.scores.predictions, answers.scores.probabilities
        scores = Scores(
            np.where(np.isin(np.asarray(given, dtype=str), self.spec.classes), given, OTHER).astype(object),
            None if probabilities is None else probabilities[:, kept],
        )
        return Answers(answers.evaluation_set, scores, tuple(answers.classes[at] for at in kept))


def of(spec: ModelSpec, old: ModelSpec, target: Array, view: View) -> Shared:
    """Return what a candidate and a version of an earlier spec share; maybe no row at all.

    Parameters
    ----------
    spec, old
        Specs of the candidate and of the other version.
    target
        True values of the rows held out, shape (rows,).
    view
        The rows as the other version reads them.
    """
    if not isinstance(spec.target, Category):
        return Shared(spec, view.complete, incomplete=int((~view.complete).sum()))
    both = tuple(label for label in spec.classes if label in old.classes)
    known = np.isin(np.asarray(target, dtype=str), both)
    return Shared(
        replace(spec, target=replace(spec.target, values=both)) if len(both) >= FEWEST_CLASSES else spec,
        known & view.complete if len(both) >= FEWEST_CLASSES else np.zeros(len(target), bool),
        tuple(label for label in spec.classes if label not in both),
        tuple(label for label in old.classes if label not in both),
        int((known & ~view.complete).sum()),
    )


def new_classes(
    spec: ModelSpec, labels: Sequence[str], answers: Answers, per_class: dict[str, Any]
) -> tuple[NewClass, ...]:
    """Return how well the candidate does on each class that another version does not know.

    Parameters
    ----------
    spec
        Spec of the candidate.
    labels
        These classes.
    answers
        Answers of the candidate to the whole evaluation set.
    per_class
        Precision, recall, F1 and support by class.
    """
    return tuple(_new_class(spec.metric.name, label, answers, per_class[label]) for label in labels)


OF_A_CLASS = {
    **dict.fromkeys(("accuracy", "balanced_accuracy", "recall_macro"), "recall"),
    "precision_macro": "precision",
    **dict.fromkeys(("f1_macro", "f1_weighted"), "f1"),
}
"""Deciding metric to the figure of one class that has to meet its bound; the other metrics have one of their own."""


def _new_class(metric: str, label: str, answers: Answers, figures: dict[str, Any]) -> NewClass:
    figure = OF_A_CLASS.get(metric, metric)
    value = figures[figure] if figure in figures else _against_the_rest(metric, label, answers)
    return NewClass(label, int(figures["support"]), figure, value)


def _against_the_rest(metric: str, label: str, answers: Answers) -> float | None:
    """Return a metric of one class against the rest; None where it is undefined."""
    truth, scores = answers.evaluation_set.target == label, answers.scores
    if truth.all() or not truth.any():
        return None
    if metric == "mcc":
        return float(metrics.matthews_corrcoef(truth, scores.predictions == label))
    if scores.probabilities is None:
        return None
    given = np.asarray(scores.probabilities[:, answers.classes.index(label)], np.float64)
    if not np.isfinite(given).all():
        return None
    if metric == "log_loss":
        return float(-np.log(np.clip(given[truth], LEAST_PROBABILITY, 1.0)).mean())
    curve = metrics.roc_auc_score if metric == "roc_auc" else metrics.average_precision_score
    return float(curve(truth, given))
