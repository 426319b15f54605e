"""Check the labels of a training job's rows, where its model and its time allow it."""

from __future__ import annotations

import time

from relearn.figures import counted
from relearn.spec.model import ModelSpec
from scoring.container import Job
from scoring.encode import Array
from scoring.progress import say
from training import catalog
from training.data.dataset import Dataset, Table
from training.fitting.fit import Code
from training.fitting.labels import Labels
from training.fitting.tasks import Answers
from training.job.accusation import TIME_SHARE


def look(spec: ModelSpec, job: Job, dataset: Dataset, candidate: Answers, began: float) -> Labels | None:
    """Return the rows whose label contradicts the rest; None where nobody has to look, or nothing can be found.

    Parameters
    ----------
    spec, job, dataset
        Spec, settings and data of the job.
    candidate
        Answers of the candidate to the evaluation set.
    began
        Beginning of the job by `time.monotonic`, in seconds.
    """
    if not dataset.uploads or not spec.training.check_labels:
        return None
    if time.monotonic() - began > TIME_SHARE * spec.training.max_runtime_seconds:
        say("labels are not checked: no time is left")
        return None
    from training.fitting import labels, tabular  # noqa: PLC0415 - a recommender needs none of their libraries

    code = Code.of(catalog.folder(spec.name))

    def fit(rows: Array, asked: Table) -> Answers | None:
        learnt = dataset.train.where(rows)
        return tabular.answer(spec, code, job.hyperparameters, learnt, asked, probable=True)

    found = labels.check(spec, dataset, fit, candidate)
    if found is not None:
        say(
            f"the label of {counted(found.count, 'row')} of {found.checked:,} contradicts the rest of the data"
        )
    return found
