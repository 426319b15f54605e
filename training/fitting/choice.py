"""Chooses what fits, evaluates and exports a model by the kind of its spec."""

from __future__ import annotations

from relearn.spec.model import ModelSpec
from training.fitting.tasks import Task


def of(spec: ModelSpec) -> Task:
    """Give the task of a kind; each brings libraries that the other does without."""
    if spec.kind == "ranking":
        from training.fitting.ranking import task  # noqa: PLC0415

        return task
    from training.fitting import tabular  # noqa: PLC0415

    return tabular
