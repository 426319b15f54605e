"""Evaluate the champion beside the candidate in a training job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from relearn.data import contents
from relearn.errors import ArtifactError, ConfigError
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.promotion import not_compared
from relearn.spec.model import ModelSpec, Ranking
from scoring import artifact
from scoring.artifact import Artifact
from scoring.encode import Array
from scoring.scorer import Scores
from training.data.learnt import Learner, Learnt
from training.fitting import choice
from training.fitting.tasks import Answers, EvaluationSet

PIECE = 1 << 20
"""Bytes of the archive hashed at a time."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Result of evaluating the champion, or the reference, beside the candidate.

    Parameters
    ----------
    measured
        The report's ``champion`` or ``reference``; None when there is none, or it cannot answer these rows.
    incompatible
        The report's ``champion_incompatible`` or ``reference_incompatible``: version and reason; None when it can
        answer.
    answers
        Its answers to the evaluation set; None when it was not measured.
    comparison
        Difference of the candidate from it; None when it was not measured, or the metric is undefined.
    """

    measured: dict[str, Any] | None = None
    incompatible: dict[str, Any] | None = None
    answers: Answers | None = None
    comparison: Comparison | None = None

    def words(self, metric: str) -> str:
        """Return the result as one line for the log, with the value of ``metric``."""
        if self.measured is not None:
            value = self.measured["metrics"].get(metric)
            return f"version {self.measured['version']}, {metric} {value} on the same rows"
        if self.incompatible is not None:
            return not_compared(self.incompatible)
        return "none yet"


def require(path: Path, version: int | None, sha256: str) -> None:
    """Refuse a champion's archive that is not the one that was evaluated, before reading it.

    Parameters
    ----------
    path
        The champion's model.tar.gz; absent for a first model.
    version
        Version of the champion, for the message.
    sha256
        SHA-256 (hex) of the evaluated archive; empty: unknown, so nothing is checked.

    Raises
    ------
    ArtifactError
        The digests differ. No candidate is compared with such a champion: a person has to look.
    """
    if not sha256 or not path.is_file():
        return
    if (given := _digest(path)) != sha256:
        raise ArtifactError(
            f"the artifact of the champion, version {version}, was changed since it was judged: it has SHA-256 {given}, "
            f"and had {sha256}. Nothing is compared with it: look who changed it, roll back, then retry"
        )


def is_as_judged(path: Path, sha256: str) -> bool:
    """Return whether an archive has the SHA-256 (hex) of the evaluated one; True when that is empty, so unknown."""
    return not sha256 or _digest(path) == sha256


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return contents.of_blocks(iter(lambda: file.read(PIECE), b""))


def read(path: Path, version: int | None) -> Artifact | None:
    """Read and check the champion's artifact, with the model that was judged; return None for a first model.

    Parameters
    ----------
    path
        The champion's model.tar.gz; absent for a first model.
    version
        Version of the champion; None for a first model.

    Raises
    ------
    ConfigError
        A version is given without an artifact, or an artifact without a version.
    ArtifactError
        The artifact is damaged or changed: a person has to look, so nothing is promoted.
    """
    if path.is_file() != (version is not None):
        given = f"version {version}, channel {'present' if path.is_file() else 'absent'}"
        raise ConfigError("champion_version", given, "both the version and the champion channel, or neither")
    return None if version is None else artifact.read_tar(path).judged()


def learner_of(champion: Artifact) -> Learner:
    """Return what the champion has learnt, as far as its artifact says.

    Raises
    ------
    ArtifactError
        The artifact's record is damaged.
    """
    record = champion.learnt
    return Learner(champion.spec, None if record is None else Learnt.from_bytes(record))


def measure(
    spec: ModelSpec,
    champion: Artifact | None,
    version: int | None,
    evaluation_set: EvaluationSet,
    mine: Scores,
    *,
    classes: Sequence[str] = (),
    new: Array | None = None,
) -> Rival:
    """Evaluate the champion on the candidate's evaluation set.

    A champion that was trained for other columns is evaluated as long as it can answer the rows; columns that
    were added later do not matter to it. When it cannot answer, a person decides about the candidate.

    Parameters
    ----------
    spec
        Spec of the candidate.
    champion, version
        The champion's artifact and version; None for a first model.
    evaluation_set
        Evaluation set of both.
    mine, classes
        Scores of the candidate on it, and the classes in the order of its probabilities.
    new
        Whether the champion was not examined on each row of the holdout before, shape (rows,); None: not known.

    Raises
    ------
    ArtifactError
        The graph does not load: a person has to look, so nothing is promoted.
    """
    if champion is None:
        return Rival()
    if reason := unfit(champion.spec, spec):
        return Rival(incompatible={"version": version, "reason": reason})
    scorer = champion.scorer()
    try:
        scores = scorer.columns(evaluation_set.columns)
    except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions have no common base
        reason = f"it fails on the holdout: {str(error).splitlines()[0]}"
        return Rival(incompatible={"version": version, "reason": reason})
    task = choice.of(spec)
    better, worse = task.duel(spec, evaluation_set, mine, scores)
    measured = task.evaluate(spec, evaluation_set, scores, champion.classes)
    both = (
        Answers(evaluation_set, mine, tuple(classes)),
        Answers(evaluation_set, scores, tuple(champion.classes)),
    )
    compared = task.compare(spec, *both)
    if compared is not None and new is not None:
        parts = task.compare_parts(spec, *both, new)
        compared = replace(compared, known=parts.get("known"), new=parts.get("new"), fall=parts.get("fall"))
    about = {
        "version": version,
        "run_id": champion.meta.get("run_id"),
        "duel": {"better": better, "worse": worse},
        "comparison": compared and compared.as_dict(),
    }
    return Rival(measured={**about, **measured}, answers=both[1], comparison=compared)


def unfit(old: ModelSpec, new: ModelSpec) -> str | None:
    """Return why a model of spec ``old`` cannot answer rows of spec ``new``; None when it can."""
    if (old.name, old.kind, old.target.name) != (new.name, new.kind, new.target.name):
        return f"it predicts {old.target.name} ({old.kind}) of {old.name}"
    if set(old.classes) != set(new.classes):
        return f"it knows the classes {', '.join(old.classes)}"
    if isinstance(old.target, Ranking) and isinstance(new.target, Ranking) and old.target.k != new.target.k:
        return f"it recommends {old.target.k} items, where {new.target.k} are asked for"
    there = {column.name: column for column in new.inputs}
    for column in old.inputs:
        if column.name not in there:
            return f"it takes {column.name}, which the spec no longer has"
        if column.type != there[column.name].type:
            return f"it takes {column.name} as {column.type}, which is {there[column.name].type} now"
    return None
