"""Choose the code that fits, evaluates and exports a model, by the kind of its spec."""

from __future__ import annotations

from relearn.spec.model import ModelSpec
from training.fitting.tasks import Task


def of(spec: ModelSpec) -> Task:
    """Return the task of a spec's kind; only its own libraries are imported."""
    if spec.kind == "ranking":
        from training.fitting.ranking import task  # noqa: PLC0415

        return task
    from training.fitting import tabular  # noqa: PLC0415

    return tabular
