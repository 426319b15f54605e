"""Decide whether a training job looks for uploads to blame, and fit the recipe for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from relearn.errors import ArtifactError
from relearn.lifecycle.blame import Blame
from relearn.lifecycle.promotion import decide
from relearn.spec.model import ModelSpec
from scoring.artifact import Artifact
from scoring.container import Job
from scoring.encode import Array
from scoring.progress import say
from scoring.scorer import Scores
from training import catalog
from training.data.dataset import Dataset
from training.fitting.fit import Code, fit, frame
from training.fitting.tasks import Answers
from training.job.champion import Rival

if TYPE_CHECKING:
    from training.fitting.blame import Fit

TIME_SHARE = 0.5
"""Share of the longest run time of a job after which no search for uploads to blame goes on."""


def look(  # noqa: PLR0917 - what a job knows
    spec: ModelSpec,
    job: Job,
    dataset: Dataset,
    measured: Mapping[str, Any],
    rival: Rival,
    champion: Artifact | None,
    began: float,
) -> Blame | None:
    """Look for the new uploads to blame where the candidate is surely worse, or a person has to decide.

    Parameters
    ----------
    spec, job, dataset
        Spec, settings and data of the job.
    measured
        Evaluation of the candidate, with its ``metrics``.
    rival
        Result of evaluating the champion.
    champion
        Artifact of the champion.
    began
        Beginning of the job by `time.monotonic`, in seconds.

    Returns
    -------
    Blame or None
        None where nobody has to look, or nothing can be found: the rows of a model with several tables have no
        upload.
    """
    if rival.measured is None or rival.answers is None or rival.comparison is None or champion is None:
        return None
    if not dataset.uploads:
        return None
    from training.fitting import blame  # noqa: PLC0415 - a recommender needs none of its libraries

    theirs = rival.measured["metrics"]
    decision = decide(measured["metrics"], theirs, spec.metric, None, rival.comparison)
    if not decision.asks and (decision.verdict == "promote" or decision.keeps):
        return None
    until = began + TIME_SHARE * spec.training.max_runtime_seconds
    found = blame.find(
        spec,
        dataset,
        job.on_trial,
        _fits(spec, job, dataset),
        blame.Champion(rival.answers, _rows(champion)),
        blame.Limits(spec.training.blame_fits, until, time.monotonic),
    )
    if found is not None:
        say(found.words(spec.metric.name))
    return found


def _fits(spec: ModelSpec, job: Job, dataset: Dataset) -> Fit:
    code = Code.of(catalog.folder(spec.name))

    def answers(rows: Array) -> Answers | None:
        try:
            estimator = fit(spec, code, job.hyperparameters, dataset.train.where(rows))
        except (ArtifactError, ValueError):  # too few rows, or a class is missing
            return None
        given = frame(dataset.holdout.columns)
        if spec.kind == "regression":
            return Answers(
                dataset.holdout, Scores(np.asarray(estimator.predict(given), np.float64), None), ()
            )
        scores = Scores(np.asarray(estimator.predict(given)), np.asarray(estimator.predict_proba(given)))
        return Answers(dataset.holdout, scores, tuple(map(str, estimator.classes_)))

    return answers


def _rows(champion: Artifact) -> int:
    rows = champion.meta.get("dataset", {}).get("rows", {}).get("train", 0)
    return int(rows)
