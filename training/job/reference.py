"""Evaluate the reference beside candidate and champion in a training job.

The reference (`relearn.lifecycle.references`) is older than the champion and need not serve any more. Where it
cannot be read, or cannot answer the rows, the report says so, and the candidate is compared with the champion
alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from relearn.errors import ArtifactError
from relearn.spec.model import ModelSpec
from scoring import artifact
from scoring.artifact import Artifact
from scoring.scorer import Scores
from training.data.learnt import Learner
from training.data.views import View
from training.fitting.tasks import EvaluationSet
from training.job import champion
from training.job.champion import Rival


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference, as far as it could be read.

    Parameters
    ----------
    version
        Its version; None where the champion is its own reference.
    artifact
        Its artifact; None where there is none, or it cannot be read.
    learner
        What it has learnt; None without an artifact.
    unreadable
        Why the artifact cannot be read; empty when it can, or there is none.
    """

    version: int | None = None
    artifact: Artifact | None = None
    learner: Learner | None = None
    unreadable: str = ""

    @property
    def learners(self) -> list[Learner]:
        """The learner, if there is one."""
        return [] if self.learner is None else [self.learner]


def read(path: Path, version: int | None, sha256: str) -> Reference:
    """Read and check the reference's artifact.

    Parameters
    ----------
    path
        The reference's model.tar.gz; absent when it is gone from the bucket.
    version
        Version of the reference; None where the champion is its own reference.
    sha256
        SHA-256 (hex) of the archive that was judged; empty: unknown, so nothing is checked.
    """
    if version is None:
        return Reference()
    if not path.is_file():
        return Reference(version, unreadable="its artifact is gone")
    if not champion.is_as_judged(path, sha256):
        return Reference(version, unreadable="its artifact was changed since it was judged")
    try:
        found = artifact.read_tar(path).judged()
        return Reference(version, found, champion.learner_of(found))
    except ArtifactError as error:
        return Reference(version, unreadable=f"its artifact is damaged: {error}")


def measure(
    spec: ModelSpec,
    reference: Reference,
    evaluation_set: EvaluationSet,
    mine: Scores,
    *,
    classes: Sequence[str] = (),
    view: View | None = None,
) -> Rival:
    """Evaluate the reference on the candidate's evaluation set.

    Parameters
    ----------
    spec
        Spec of the candidate.
    reference
        Result of `read`.
    evaluation_set
        Evaluation set of all.
    mine, classes
        Scores of the candidate on it, and the classes in the order of its probabilities.
    view
        The rows as the reference reads them; None for a ranking, and without an artifact.

    Returns
    -------
    Rival
        With ``measured`` only when its interval could be computed too.
    """
    version = reference.version
    if reference.unreadable:
        return _incompatible(version, reference.unreadable)
    try:
        found = champion.measure(
            spec, reference.artifact, version, evaluation_set, mine, classes=classes, view=view
        )
    except ArtifactError as error:
        return _incompatible(version, f"its artifact is damaged: {error}")
    if found.measured is None:
        return found
    value = found.measured["metrics"].get(spec.metric.name, math.nan)
    if found.measured["comparison"] is None or not math.isfinite(value):
        return _incompatible(version, f"{spec.metric.name} is undefined on the rows held out")
    return found


def _incompatible(version: int | None, reason: str) -> Rival:
    return Rival(incompatible={"version": version, "reason": reason})
