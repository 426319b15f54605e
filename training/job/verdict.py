"""What the judge will decide about a candidate, as far as its training job knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relearn.lifecycle.promotion import Decision, Naive, Reference, decide, not_compared
from relearn.spec.model import ModelSpec
from training.job.champion import Rival


def foresee(
    spec: ModelSpec,
    measured: Mapping[str, Any],
    rival: Rival,
    reference: Rival,
    naive: Mapping[str, Any] | None = None,
) -> Decision:
    """Return the decision that follows from the job's report.

    Parameters
    ----------
    spec
        Spec of the candidate.
    measured
        Evaluation of the candidate, with its ``metrics``.
    rival, reference
        Results of evaluating the champion and the reference.
    naive
        Comparison with the naive baseline; None for kinds of models that have none.
    """
    return decide(
        measured["metrics"],
        None if rival.measured is None else rival.measured["metrics"],
        spec.metric,
        Naive.from_report(naive, spec.metric.name),
        rival.comparison,
        Reference.from_report(reference.measured, spec.metric.name),
        changed=rival.changed,
        incomparable=not_compared(rival.incompatible),
    )
