"""Fit the recipe on some of a training job's rows, beside the candidate, as long as the job has time for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from relearn.spec.model import ModelSpec
from relearn.spec.policies import PROBABILITY_METRICS
from scoring.container import Job
from scoring.encode import Array
from scoring.scorer import ServedThreshold
from training import catalog
from training.data.dataset import Dataset, Table
from training.fitting.fit import Code
from training.fitting.tasks import Answers

TIME_SHARE = 0.5
"""Share of the longest run time of a job after which no such fit begins."""


@dataclass(slots=True)
class SmallFits:
    """Fits of a recipe; of many rows with fewer rounds of boosting (`training.fitting.lighter`).

    The first fitted estimator is kept: the search for uploads to blame and the check of labels begin with the same rows.

    Parameters
    ----------
    spec, code, hyperparameters
        Spec and code of the model, a classification or a regression, and keyword arguments of its ``build``.
    dataset
        Rows of the job.
    until
        Time by `time.monotonic` after which no fit begins, in seconds.
    threshold
        Threshold of the candidate; None: the more probable class is answered.
    """

    spec: ModelSpec
    code: Code
    hyperparameters: Mapping[str, float]
    dataset: Dataset
    until: float
    threshold: ServedThreshold | None = None
    _first: tuple[Array, Any] | None = field(default=None, init=False)

    @classmethod
    def of(
        cls,
        spec: ModelSpec,
        job: Job,
        dataset: Dataset,
        began: float,
        threshold: ServedThreshold | None = None,
    ) -> SmallFits:
        """Return the fits of a job that began at a time by `time.monotonic`, in seconds."""
        until = began + TIME_SHARE * spec.training.max_runtime_seconds
        return cls(spec, Code.of(catalog.folder(spec.name)), job.hyperparameters, dataset, until, threshold)

    @property
    def in_time(self) -> bool:
        """Whether a fit may begin."""
        return time.monotonic() <= self.until

    def answer(self, rows: Array, asked: Table) -> Answers | None:
        """Fit on the training rows of a mask, and answer the rows of a table; None where that cannot be fitted.

        A classification answers probabilities only where its deciding metric needs them: labels take half the time.
        """
        return self._answer(rows, asked, probable=self.spec.metric.name in PROBABILITY_METRICS)

    def probabilities(self, rows: Array, asked: Table) -> Answers | None:
        """Fit and answer as `answer`; a classification answers probabilities."""
        return self._answer(rows, asked, probable=True)

    def _answer(self, rows: Array, asked: Table, *, probable: bool) -> Answers | None:
        from training.fitting import tabular  # noqa: PLC0415 - a recommender needs none of its libraries

        estimator = self._fitted(rows)
        if estimator is None:
            return None
        cut = self.threshold
        found = tabular.answer(self.spec, estimator, asked, probable=probable or cut is not None)
        if cut is None or found.scores.probabilities is None:
            return found
        chances = found.scores.probabilities[:, found.classes.index(cut.label)]
        return replace(found, scores=found.scores._replace(predictions=cut.labels(chances)))

    def _fitted(self, rows: Array) -> Any:
        """Return the estimator fitted on the rows of a mask; None where it cannot be fitted on them."""
        from training.fitting import lighter, tabular  # noqa: PLC0415 - a recommender needs none of their libraries

        if self._first is not None and np.array_equal(self._first[0], rows):
            return self._first[1]
        train = self.dataset.train
        code = lighter.of(self.code) if len(train) > lighter.MANY_ROWS else self.code
        found = tabular.fitted(self.spec, code, self.hyperparameters, train.where(rows))
        if self._first is None:
            self._first = (rows, found)
        return found
