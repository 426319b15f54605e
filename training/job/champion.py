"""Evaluate the champion beside the candidate in a training job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from relearn.data import contents
from relearn.errors import ArtifactError, ConfigError
from relearn.figures import counted
from relearn.lifecycle.changed_spec import NAME, ChangedSpec
from relearn.lifecycle.comparison import Comparison, ExaminedBefore
from relearn.lifecycle.promotion import not_compared
from relearn.spec.model import ModelSpec, Ranking
from scoring import artifact
from scoring.artifact import Artifact
from scoring.encode import Array
from scoring.scorer import Scores
from training.data.learnt import Learner, Learnt
from training.data.views import View
from training.fitting import choice, pairs
from training.fitting.tasks import Answers, EvaluationSet

if TYPE_CHECKING:
    from training.fitting.shared import Shared

Known = tuple[Array | None, ExaminedBefore | None]
"""Which rows the champion was not examined on before, and what is left of those that it was; None: not known."""
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
        Its answers to the evaluation set; None when it was not measured, or not on all rows and classes.
    comparison
        Difference of the candidate from it; None when it was not measured, or the metric is undefined.
    changed
        What the comparison is about where its spec was another; else None.
    shared, shared_answers
        Rows and classes of that comparison, and its answers to them; else None.
    """

    measured: dict[str, Any] | None = None
    incompatible: dict[str, Any] | None = None
    answers: Answers | None = None
    comparison: Comparison | None = None
    changed: ChangedSpec | None = None
    shared: Shared | None = None
    shared_answers: Answers | None = None

    @property
    def beside(self) -> tuple[Answers | None, Shared | None]:
        """Its answers, and the rows and classes that they are about where these are not all."""
        if self.shared is None or self.shared.is_everything:
            return self.answers, None
        return self.shared_answers, self.shared

    def words(self, metric: str) -> str:
        """Return the result as one line for the log, with the value of ``metric``."""
        if self.measured is not None:
            value = self.measured["metrics"].get(metric)
            version = self.measured["version"]
            told = "" if self.changed is None else f": {self.changed.words(version)}"
            return f"version {version}, {metric} {value} on the same rows{told}"
        if self.incompatible is not None:
            return not_compared(self.incompatible)
        return "none yet"


class CannotAnswerError(Exception):
    """A compared version cannot answer the rows; the message says why."""


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
    before: ExaminedBefore | None = None,
    view: View | None = None,
) -> Rival:
    """Evaluate the champion on the candidate's evaluation set, as far as its own spec lets it answer.

    Both are compared on the rows that both can answer (`training.data.views`, `training.fitting.shared`). When
    the champion cannot answer, a person decides about the candidate.

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
    before
        What is left of what it was examined on; None: not known.
    view
        The rows as the champion reads them; None: as they are. A ranking needs none.

    Raises
    ------
    ArtifactError
        The graph does not load: a person has to look, so nothing is promoted.
    """
    if champion is None or version is None:
        return Rival()
    if reason := unfit(champion.spec, spec):
        return Rival(incompatible={"version": version, "reason": reason})
    try:
        given = Answers(evaluation_set, mine, tuple(classes))
        if spec.kind == "ranking":
            theirs = _asked(champion, spec, evaluation_set)
            return _measured(spec, champion, version, (given, theirs), (new, before))
        view = view or View.whole(evaluation_set.columns, len(mine.predictions))
        return _measured_in_part(spec, champion, version, given, (new, before), view)
    except CannotAnswerError as error:
        return Rival(incompatible={"version": version, "reason": str(error)})


def _measured_in_part(  # noqa: PLR0917 - of what, and as it is read
    spec: ModelSpec, champion: Artifact, version: int, given: Answers, known: Known, view: View
) -> Rival:
    """Evaluate a classifier or regressor on the rows that it shares with the candidate."""
    from training.fitting import shared, tabular  # noqa: PLC0415 - a recommender needs none of their libraries

    if view.refusal:
        raise CannotAnswerError(view.refusal)
    common = shared.of(spec, champion.spec, given.evaluation_set.target, view)
    if (rows := int(common.rows.sum())) < tabular.FEWEST_ROWS:
        classes = f"knows the classes {', '.join(champion.spec.classes)}, and " if common.new else ""
        needs = f"needs {', '.join(view.needs)}, and " if view.needs else ""
        raise CannotAnswerError(f"it {classes}{needs}can answer {counted(rows, 'row')} held out")
    asked = view.columns
    if not common.rows.all():
        asked = {name: values[common.rows] for name, values in asked.items()}
    compared = given.evaluation_set if common.rows.all() else given.evaluation_set.where(common.rows)
    theirs = common.about_classes(Answers(compared, scores(champion, asked), tuple(champion.classes)))
    if common.is_everything and not view.changes:
        return _measured(spec, champion, version, (given, theirs), known)
    answered = common.of(given)
    new, before = known
    shared_new = None if new is None else new[common.rows]
    found = _measured(common.spec, champion, version, (answered, theirs), (shared_new, before))
    if found.measured is None or found.comparison is None:
        raise CannotAnswerError(
            f"{spec.metric.name} is undefined on the {counted(rows, 'row')} that both can answer"
        )
    whole = tabular.evaluate(spec, given.evaluation_set, given.scores, given.classes)
    changed = ChangedSpec(
        tabular.evaluate(common.spec, compared, answered.scores, answered.classes)["metrics"],
        rows,
        len(common.rows),
        view.changes,
        view.needs if common.incomplete else (),
        common.incomplete,
        shared.new_classes(spec, common.new, given, whole.get("per_class", {})),
        common.removed,
    )
    return replace(
        found,
        measured={**found.measured, NAME: changed.as_dict()},
        answers=found.answers if common.is_everything else None,
        changed=changed,
        shared=common,
        shared_answers=theirs,
    )


def _measured(
    spec: ModelSpec, champion: Artifact, version: int, both: tuple[Answers, Answers], known: Known
) -> Rival:
    """Compare the answers of candidate and champion to the same rows."""
    task = choice.of(spec)
    (mine, theirs), (new, before) = both, known
    better, worse = task.duel(spec, mine.evaluation_set, mine.scores, theirs.scores)
    measured = task.evaluate(spec, mine.evaluation_set, theirs.scores, theirs.classes)
    compared = task.compare(spec, mine, theirs)
    if compared is not None and new is not None:
        parts = task.compare_parts(spec, mine, theirs, new)
        compared = replace(
            compared,
            known=parts.get("known"),
            new=parts.get("new"),
            fall=parts.get("fall"),
            before=before and replace(before, new=int(new.sum())),
        )
    about = {
        "version": version,
        "run_id": champion.meta.get("run_id"),
        "duel": {"better": better, "worse": worse},
        "agreement": pairs.agreement(spec, mine.scores, theirs.scores),
        "comparison": compared and compared.as_dict(),
        "threshold": champion.threshold and champion.threshold.as_dict(),
    }
    return Rival(measured={**about, **measured}, answers=theirs, comparison=compared)


def _asked(champion: Artifact, spec: ModelSpec, evaluation_set: EvaluationSet) -> Answers:
    """Ask a recommender about the visitors of an evaluation set.

    Raises
    ------
    CannotAnswerError
        Requests no longer have a column that it needs, or it knows visitors by another name.
    """
    columns = dict(evaluation_set.columns)
    if champion.spec.entity != spec.entity:
        raise CannotAnswerError(
            f"it knows visitors by {champion.spec.entity}, and they are {spec.entity} now"
        )
    for column in champion.spec.inputs:
        if column.name not in columns:
            if not column.optional:
                raise CannotAnswerError(f"it needs {column.name}, which the spec no longer has")
            columns[column.name] = np.full(len(columns[str(spec.entity)]), "", dtype=object)
    return Answers(evaluation_set, scores(champion, columns), tuple(champion.classes))


def scores(champion: Artifact, columns: Mapping[str, Array]) -> Scores:
    """Return a version's answers to encoded columns of its frame, each of shape (rows,).

    Raises
    ------
    CannotAnswerError
        Its graph fails on them.
    """
    scorer = champion.scorer()
    try:
        return scorer.columns(columns)
    except Exception as error:  # onnxruntime's exceptions have no common base
        raise CannotAnswerError(f"it fails on the holdout: {str(error).splitlines()[0]}") from error


def unfit(old: ModelSpec, new: ModelSpec) -> str | None:
    """Return why a model of spec ``old`` answers another question than one of spec ``new``; None when it does not."""
    if (old.name, old.kind, old.target.name) != (new.name, new.kind, new.target.name):
        return f"it predicts {old.target.name} ({old.kind}) of {old.name}"
    if isinstance(old.target, Ranking) and isinstance(new.target, Ranking) and old.target.k != new.target.k:
        return f"it recommends {old.target.k} items, where {new.target.k} are asked for"
    return None
