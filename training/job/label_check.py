"""Check the labels of a training job's rows, where its model and its time allow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from relearn.figures import counted
from relearn.spec.model import ModelSpec
from scoring.progress import say
from training.fitting.tasks import Answers
from training.job.small_fits import SmallFits

if TYPE_CHECKING:
    from training.fitting.labels import Labels


def look(spec: ModelSpec, fits: SmallFits, candidate: Answers, on_trial: Sequence[str]) -> Labels | None:
    """Return the rows whose label contradicts the rest; None where nobody has to look, or nothing can be found.

    Parameters
    ----------
    spec, fits
        Spec of the job, and fits of its recipe.
    candidate
        Answers of the candidate to the evaluation set.
    on_trial
        Ids of the new uploads, or their first characters.
    """
    if not fits.dataset.uploads or not spec.training.check_labels:
        return None
    if not fits.in_time:
        say("labels are not checked: no time is left")
        return None
    from training.fitting import labels  # noqa: PLC0415 - a recommender needs none of its libraries

    found = labels.check(spec, fits.dataset, fits.probabilities, candidate, on_trial)
    if found is not None:
        say(
            f"the label of {counted(found.count, 'row')} of {found.checked:,} contradicts the rest of the data"
        )
    return found
