"""Decide whether a training job looks for uploads to blame, and fit the recipe for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from relearn.lifecycle.blame import Blame
from relearn.lifecycle.promotion import decide
from relearn.spec.model import ModelSpec
from relearn.spec.policies import PROBABILITY_METRICS
from scoring.artifact import Artifact
from scoring.container import Job
from scoring.encode import Array
from scoring.progress import say
from training import catalog
from training.data.dataset import Dataset
from training.fitting.fit import Code
from training.fitting.tasks import Answers
from training.job.champion import Rival

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
    theirs = rival.answers if rival.shared is None else rival.shared_answers
    if rival.measured is None or theirs is None or rival.comparison is None or champion is None:
        return None
    if not dataset.uploads:
        return None
    from training.fitting import blame, tabular  # noqa: PLC0415 - a recommender needs none of their libraries

    mine = measured["metrics"] if rival.changed is None else rival.changed.candidate
    decision = decide(mine, rival.measured["metrics"], spec.metric, None, rival.comparison)
    if not decision.asks and (decision.verdict == "promote" or decision.keeps):
        return None
    until = began + TIME_SHARE * spec.training.max_runtime_seconds
    code = Code.of(catalog.folder(spec.name))

    def fit(rows: Array) -> Answers | None:
        learnt, probable = dataset.train.where(rows), spec.metric.name in PROBABILITY_METRICS
        found = tabular.answer(spec, code, job.hyperparameters, learnt, dataset.holdout, probable=probable)
        return found if found is None or rival.shared is None else rival.shared.of(found)

    found = blame.find(
        spec if rival.shared is None else rival.shared.spec,
        dataset if rival.shared is None else dataset.examined_on(rival.shared.rows),
        job.on_trial,
        fit,
        blame.Champion(theirs, _rows(champion), is_better=decision.verdict == "reject"),
        blame.Limits(spec.training.blame_fits, until, time.monotonic),
    )
    if found is not None:
        say(found.words(spec.metric.name))
    return found


def _rows(champion: Artifact) -> int:
    rows = champion.meta.get("dataset", {}).get("rows", {}).get("train", 0)
    return int(rows)
