"""Compare the candidate's recipe with the champion on training rows that neither has learnt.

Few held-out rows show little. The rows that came since the champion was trained are learnt by the candidate, but fits without a
tenth of them at a time can answer that tenth, and the champion can answer all of them. These answers and those of the held-out
rows make one comparison. It is of the recipe on nearly all rows, and the fits share most of what they learn, so the variance of
these rows counts `WIDENING` times (Bengio and Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation",
Journal of Machine Learning Research 5, 2004: there is no exact factor). ``bench/cross_validation.py`` measures the coverage.

The known and the new part, and the comparison with the reference, are of held-out rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from relearn.figures import counted
from relearn.lifecycle.comparison import Comparison
from relearn.spec.model import ModelSpec
from scoring.artifact import Artifact
from scoring.encode import Array, seen
from scoring.progress import say
from scoring.scorer import Scores
from training.data.dataset import Dataset, Table
from training.fitting.tasks import Answers
from training.job import champion
from training.job.champion import Rival
from training.job.small_fits import SmallFits

FOLDS = 10
"""Fits, each without one part of the rows that it answers."""
MOST_HELD_OUT = 1_000
"""Held-out rows from which these alone decide."""
FEWEST = 10
"""Training rows that the champion has not learnt below which none is answered."""
WIDENING = 1.7
"""Factor by which the variance of a row counts that a fit without it answered."""


def look(spec: ModelSpec, fits: SmallFits, answers: Answers, rival: Rival, serving: Artifact | None) -> Rival:
    """Return the result of evaluating the champion, with the comparison of cross-validated rows too where there are few.

    Parameters
    ----------
    spec, fits
        Spec of the job, and fits of its recipe.
    answers
        Answers of the candidate to the evaluation set.
    rival
        Result of evaluating the champion on it.
    serving
        Artifact of the champion; None for a first model.
    """
    if rival.comparison is None or rival.answers is None or serving is None:
        return rival
    if rival.changed is not None or not applies(spec, fits.dataset, serving):
        return rival
    found = _compared(spec, replace(fits), answers, rival.answers, serving)
    if found is None or rival.measured is None:
        return rival
    before = rival.comparison
    found = replace(found, known=before.known, new=before.new, fall=before.fall, before=before.before)
    return replace(rival, comparison=found, measured={**rival.measured, "comparison": found.as_dict()})


def applies(spec: ModelSpec, dataset: Dataset, serving: Artifact) -> bool:
    """Return whether there are few held-out rows, and others to answer, that the champion reads as the candidate does."""
    training = spec.training
    if spec.kind == "ranking" or training.cross_validate == "never" or training.evaluate == "latest":
        return False
    from training.fitting import lighter  # noqa: PLC0415 - a recommender needs none of its libraries

    few = len(dataset.holdout) < MOST_HELD_OUT and len(dataset.train) <= lighter.MANY_ROWS
    return (
        few
        and spec.threshold is None
        and dataset.train_unlearnt is not None
        and int(dataset.train_unlearnt.sum()) >= FEWEST
        and set(seen(serving.spec.features)) <= set(seen(spec.features))
    )


def _compared(
    spec: ModelSpec, fits: SmallFits, mine: Answers, theirs: Answers, serving: Artifact
) -> Comparison | None:
    """Return the comparison on held-out and on cross-validated rows; None where a fit fails or time is short."""
    from training.fitting import comparison, tabular  # noqa: PLC0415 - as above

    train = fits.dataset.train
    rows = np.flatnonzero(np.asarray(fits.dataset.train_unlearnt))
    folds = folds_of(np.asarray(fits.dataset.train_unit)[rows])
    parts, order = [], []
    for fold in range(FOLDS):
        held = rows[folds == fold]
        if not len(held):
            continue
        learnt = np.ones(len(train), dtype=bool)
        learnt[held] = False
        answered = fits.answer(learnt, train.where(held)) if fits.in_time else None
        if answered is None or answered.classes != mine.classes:
            say(
                "cross-validates nothing: a fit without some of the rows failed, lacked a class or had no time"
            )
            return None
        parts.append(answered)
        order.append(held)
    asked = train.where(np.concatenate(order))
    try:
        given = champion.scores(
            serving, {one.name: asked.columns[one.name] for one in seen(serving.spec.features)}
        )
    except champion.CannotAnswerError:
        return None
    say(
        f"cross-validates {counted(len(asked), 'row')} that the champion has not learnt, in {counted(len(parts), 'fit')}"
    )
    both = joined([mine, *parts]), joined([theirs, Answers(asked, given, tuple(serving.classes))])
    first, second = (tabular.measured(spec, spec.metric.name, tabular.coded(spec, one)) for one in both)
    if first is None or second is None:
        return None
    widened = np.repeat([1.0, WIDENING], [len(mine.evaluation_set), len(asked)])
    return replace(comparison.interval(first, second, spec.metric.confidence, widened), crossed=len(asked))


def folds_of(units: Array) -> Array:
    """Return the fold of each row, 0 to `FOLDS` - 1, the same for all rows of a unit.

    Parameters
    ----------
    units
        Hash of the unit of each row, shape (rows,).
    """
    different, place = np.unique(units, return_inverse=True)
    return np.asarray(np.random.default_rng(0).permutation(len(different))[place] % FOLDS)


def joined(parts: Sequence[Answers]) -> Answers:
    """Return answers of one model to the rows of several tables, without the columns of the rows."""
    tables = [one.evaluation_set for one in parts]
    entities = [table.entity for table in tables if table.entity is not None]
    entity = np.concatenate(entities) if len(entities) == len(parts) else None
    table = Table({}, np.concatenate([one.target for one in tables]), entity=entity)
    predictions = np.concatenate([one.scores.predictions for one in parts])
    chances = [one.scores.probabilities for one in parts if one.scores.probabilities is not None]
    probabilities = np.concatenate(chances) if len(chances) == len(parts) else None
    return Answers(table, Scores(predictions, probabilities), parts[0].classes)
