"""The champion in a training job: the version that serves, measured beside the candidate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relearn.data import contents
from relearn.errors import ArtifactError, ConfigError
from relearn.spec.model import Category, ModelSpec, Ranking
from scoring import artifact
from scoring.scorer import Scores
from training.fitting import choice
from training.fitting.tasks import EvaluationSet

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Champion:
    """What was found out about the champion.

    Parameters
    ----------
    measured
        The report's ``champion``; None when there is none, or it cannot answer these rows.
    incompatible
        The report's ``champion_incompatible``: version and reason, when it cannot.
    """

    measured: dict[str, Any] | None = None
    incompatible: dict[str, Any] | None = None

    def words(self, metric: str) -> str:
        """Say it in a line, by the metric that decides."""
        if self.measured is not None:
            value = self.measured["metrics"].get(metric)
            return f"version {self.measured['version']}, {metric} {value} on the same rows"
        if self.incompatible is not None:
            return "version {version} cannot be compared: {reason}".format_map(self.incompatible)
        return "none yet"


def require(path: Path, version: int | None, sha256: str) -> None:
    """Refuse a champion that is not what was judged, before anything is read of it.

    Parameters
    ----------
    path
        The champion's model.tar.gz; not there for a first model.
    version
        Its version.
    sha256
        SHA-256 (hex) of the archive that was judged; empty when nobody wrote it down.

    Raises
    ------
    ArtifactError
        It is another one. Nothing may be compared with it: a person has to look.
    """
    if not sha256 or not path.is_file():
        return
    with path.open("rb") as file:
        given = contents.of_blocks(iter(lambda: file.read(PIECE), b""))
    if given != sha256:
        raise ArtifactError(
            f"the artifact of the champion, version {version}, was changed since it was judged: it has SHA-256 {given}, "
            f"and had {sha256}. Nothing is compared with it: look who changed it, roll back, then retry"
        )


def measure(
    spec: ModelSpec, path: Path, version: int | None, evaluation_set: EvaluationSet, mine: Scores
) -> Champion:
    """Measure the champion on the candidate's evaluation set.

    A champion that was made for other columns is measured as long as it can answer the rows: a
    column that was added since does not matter to it. When it cannot, there is nothing to
    compare with, and the candidate is judged by the spec's absolute bound alone.

    Parameters
    ----------
    spec
        The spec of the candidate.
    path
        The champion's model.tar.gz.
    version
        Its version; None when the job was told of none.
    evaluation_set
        What both are asked.
    mine
        What the candidate answered.

    Raises
    ------
    ConfigError
        There is a version without an artifact, or an artifact without a version.
    ArtifactError
        The artifact is damaged or tampered with: that needs a person, not a promotion.
    """
    if path.is_file() != (version is not None):
        given = f"version {version}, channel {'present' if path.is_file() else 'absent'}"
        raise ConfigError("champion_version", given, "both the version and the champion channel, or neither")
    if version is None:
        return Champion()
    champion = artifact.read_tar(path)
    if reason := unfit(champion.spec, spec):
        return Champion(incompatible={"version": version, "reason": reason})
    scorer = champion.scorer()
    try:
        scores = scorer.columns(evaluation_set.columns)
    except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions have no common base
        reason = f"it fails on the holdout: {str(error).splitlines()[0]}"
        return Champion(incompatible={"version": version, "reason": reason})
    task = choice.of(spec)
    better, worse = task.duel(spec, evaluation_set, mine, scores)
    measured = task.evaluate(spec, evaluation_set, scores, champion.classes)
    about = {
        "version": version,
        "run_id": champion.meta.get("run_id"),
        "duel": {"better": better, "worse": worse},
    }
    return Champion(measured={**about, **measured})


def unfit(old: ModelSpec, new: ModelSpec) -> str | None:
    """Say why a model made for ``old`` cannot answer rows of ``new``, or None when it can."""
    if (old.name, old.kind, old.target.name) != (new.name, new.kind, new.target.name):
        return f"it predicts {old.target.name} ({old.kind}) of {old.name}"
    if isinstance(old.target, Category) and set(old.classes) != set(new.classes):
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
