"""Decide whether a training job looks for uploads to blame."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from relearn.lifecycle.blame import Blame
from relearn.lifecycle.promotion import Decision
from relearn.spec.model import ModelSpec
from scoring.artifact import Artifact
from scoring.encode import Array
from scoring.progress import say
from training.data.dataset import Dataset, Table
from training.fitting.tasks import Answers
from training.job.champion import Rival
from training.job.small_fits import SmallFits


def look(  # noqa: PLR0917 - what a job knows
    spec: ModelSpec,
    fits: SmallFits,
    on_trial: Sequence[str],
    decision: Decision,
    rival: Rival,
    champion: Artifact | None,
) -> Blame | None:
    """Look for the new uploads to blame where the candidate is surely worse, or a person has to decide.

    Parameters
    ----------
    spec, fits
        Spec of the job, and fits of its recipe.
    on_trial
        Ids of the new uploads, or their first characters.
    decision
        What the judge will decide.
    rival
        Result of evaluating the champion.
    champion
        Artifact of the champion.

    Returns
    -------
    Blame or None
        None where nobody has to look, or nothing can be found: the rows of a model with several tables have no
        upload. Where the newest window is examined, a surely worse candidate whose loss no new upload made has a
        result that clears them all.
    """
    theirs = rival.answers if rival.shared is None else rival.shared_answers
    if rival.measured is None or theirs is None or rival.comparison is None or champion is None:
        return None
    if not decision.asks and (decision.verdict == "promote" or decision.keeps):
        return None
    is_worse = decision.verdict == "reject"
    shared, dataset = rival.shared, fits.dataset
    if not dataset.uploads:
        return _cleared(dataset, None) if is_worse else None
    from training.fitting import blame  # noqa: PLC0415 - a recommender needs none of their libraries

    def fit(rows: Array, asked: Table) -> Answers | None:
        found = fits.answer(rows, asked)
        return found if found is None or shared is None else shared.about_classes(found)

    found = blame.find(
        spec if shared is None else shared.spec,
        dataset if shared is None else dataset.examined_on(shared.rows),
        on_trial,
        fit,
        blame.Champion(theirs, _rows(champion), is_better=is_worse),
        blame.Limits(spec.training.blame_fits, fits.until, time.monotonic),
    )
    found = _cleared(dataset, found) if is_worse else found
    if found is not None:
        say(found.words(spec.metric.name))
    return found


def _cleared(dataset: Dataset, found: Blame | None) -> Blame | None:
    """Return the result of a search, with every new upload cleared where rows that left the newest window may be to blame."""
    if dataset.latest is None or (found is not None and (found.blamed or found.recipe)):
        return found
    return replace(found or Blame(), window_moved=True)


def _rows(champion: Artifact) -> int:
    rows = champion.meta.get("dataset", {}).get("rows", {}).get("train", 0)
    return int(rows)
