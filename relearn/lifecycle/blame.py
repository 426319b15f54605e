"""Which of a run's new uploads are to blame for a loss, as its training job found out.

The job fits the recipe on the data that served before, and on that data with each new upload, and compares the
two on the same held-out rows. `training.fitting.blame` has the procedure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from relearn.figures import apart, counted
from relearn.lifecycle.promotion import Decision
from relearn.lifecycle.uploads import Upload

TO_BLAME = "to blame for its loss"
"""Words in the reason of an upload that failed because it was to blame."""


class Example(NamedTuple):
    """Held-out row of an upload that the champion contradicts: its place, label and the champion's answer.

    Where the target is private, label and answer are empty.
    """

    row: int  # number among the accepted rows of the upload, from 1
    given: str
    said: str
    line: int | None = None  # of the uploaded file, from 1; None where the shard does not have it


@dataclass(frozen=True, slots=True)
class Trial:
    """Uploads that were added to the data that served before.

    Parameters
    ----------
    uploads
        Ids of the uploads, at least one; several were fitted together.
    without, given
        Value of the deciding metric on the same held-out rows without any new upload, and with these.
    high
        Upper bound of ``given`` less ``without``, signed so that above 0 the fit with the uploads is better.
    rows
        Held-out rows that both were measured on.
    blamed
        Whether the uploads are to blame.
    fall
        Where the champion answers the uploads' own held-out rows surely worse than those held out before: its accuracy,
        or mean absolute error, on both; else None.
    examples
        Some of their held-out rows that the champion contradicts most.
    """

    uploads: tuple[str, ...]
    without: float
    given: float
    high: float
    rows: int
    blamed: bool = False
    fall: tuple[float, float] | None = None
    examples: tuple[Example, ...] = ()

    @property
    def rows_shown(self) -> str:
        """Name its examples, e.g. ``lines 15 (cat; the champion says dog)``; empty where it has none."""
        return _listed(self.examples) if self.examples else ""

    def words(self, metric: str) -> str:
        """Describe the effect, e.g. ``without it: accuracy 0.93, with it: 0.71 on 210 held-out rows``."""
        it = "it" if len(self.uploads) == 1 else f"these {len(self.uploads)} together"
        without, given = apart(self.without, self.given)
        effect = (
            f"without {it}: {metric} {without}, with {it}: {given} on {counted(self.rows, 'held-out row')}"
        )
        if self.fall is None:
            return effect
        own, known = apart(*self.fall)
        error = "mean absolute error" if self.fall[0] > self.fall[1] else "accuracy"
        return f"{effect}; the champion's {error} is {own} on its rows and {known} on those held out before"


@dataclass(frozen=True, slots=True)
class Blame:
    """Result of looking for the uploads to blame.

    Parameters
    ----------
    trials
        What was fitted, in order.
    recipe
        Whether the recipe alone is surely worse than the champion on the data that served before: then no
        upload is to blame.
    fits
        Number of fits.
    stopped
        Why the search ended before it knew everything; empty when it did not.
    window_moved
        Whether the loss need not come of a new upload, though none is to blame: where the newest window is
        examined, rows that have left it since the champion was trained are new to the candidate too.
    """

    trials: tuple[Trial, ...] = ()
    recipe: bool = False
    fits: int = 0
    stopped: str = ""
    window_moved: bool = False

    @classmethod
    def from_report(
        cls, told: Mapping[str, Any] | None, on_trial: Collection[str] | None = None
    ) -> Blame | None:
        """Read the result from a report's ``blame``; None where it has none.

        Parameters
        ----------
        told
            The entry; None where the job did not look for uploads to blame.
        on_trial
            Ids of the run's new uploads; None: not known, so nothing is checked.

        Raises
        ------
        LookupError, TypeError, ValueError
            The entry is malformed, or names an upload that is not on trial.
        """
        if told is None:
            return None
        trials = tuple(
            Trial(
                tuple(map(str, one["uploads"])),
                float(one["without"]),
                float(one["given"]),
                float(one["high"]),
                rows=int(one["rows"]),
                blamed=bool(one["blamed"]),
                examples=tuple(map(_example, one.get("examples", ()))),
                fall=None if (fall := one.get("fall")) is None else (float(fall[0]), float(fall[1])),
            )
            for one in told["trials"]
        )
        named = [upload for trial in trials for upload in trial.uploads]
        if strange := sorted(set(named) - set(named if on_trial is None else on_trial)):
            raise ValueError(f"upload {strange[0]} is blamed and is not on trial")
        return cls(
            trials,
            bool(told["recipe"]),
            int(told["fits"]),
            str(told["stopped"]),
            bool(told.get("window_moved", False)),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data, as `from_report` reads them."""
        return asdict(self)

    @property
    def clears(self) -> bool:
        """Whether no new upload is to blame, so that all of them stay for the next run."""
        return self.recipe or self.window_moved

    @property
    def blamed(self) -> tuple[Trial, ...]:
        """Trials whose uploads are to blame."""
        return tuple(trial for trial in self.trials if trial.blamed)

    def by_upload(self, metric: str) -> dict[str, str]:
        """Return the figures by id of each upload that is to blame, with examples of its rows."""
        return {
            upload: f"{trial.words(metric)}{_for_example(trial)}"
            for trial in self.blamed
            for upload in trial.uploads
        }

    def words(self, metric: str) -> str:
        """Describe the result in one line."""
        stopped = f"; the search ended early: {self.stopped}" if self.stopped else ""
        if self.recipe:
            return "the recipe alone is worse on the data that served before: no upload is to blame"
        if self.window_moved:
            return (
                f"no new upload alone makes the difference{stopped}: rows that have left the newest window are new to the "
                "candidate too"
            )
        if not self.blamed:
            return f"no upload alone makes the difference{stopped}"
        first, *others = self.blamed
        named = ", ".join(upload[:12] for upload in first.uploads[:3])
        named += f" and {len(first.uploads) - 3} more" if len(first.uploads) > 3 else ""  # noqa: PLR2004 - as shown
        more = sum(len(one.uploads) for one in others)
        also = f"; {counted(more, 'other upload')} too" if more else ""
        return f"to blame: upload {named} ({first.words(metric)}){also}{_for_example(first)}{stopped}"


def _example(told: Sequence[Any]) -> Example:
    """Read an example from a report; a job of an earlier release names no line."""
    row, given, said, *line = told
    return Example(int(row), str(given), str(said), int(line[0]) if line and line[0] is not None else None)


def _listed(examples: Sequence[Example]) -> str:
    """Name the rows by the lines of the uploaded file, or where these are not known by their numbers."""
    known = all(one.line is not None for one in examples)
    what = "line" if known else "accepted row"
    rows = ", ".join(
        f"{one.line if known else one.row}"
        + (f" ({one.given}; the champion says {one.said})" if one.given else "")
        for one in examples
    )
    return f"{what if len(examples) == 1 else f'{what}s'} {rows}"


def _for_example(trial: Trial) -> str:
    return f"; for example its {trial.rows_shown}" if trial.examples else ""


def uploads_stay(decision: Decision, found: Blame | None, *, fits: int) -> bool:
    """Return whether the new uploads of a rejected candidate stay for the next run, or for a person who excludes some.

    They do where no loss is sure and where the search clears them. They also do where it is not known which of them made a sure
    loss: nobody could look, as with several tables or too many uploads; the search ended early; or none is to
    blame for a loss that shows against the reference alone, which uploads of earlier runs may have made.

    Parameters
    ----------
    decision
        The decision.
    found
        Result of the search; None where nobody looked.
    fits
        Budget of the spec; 0: nobody is to look, and all of them fail.
    """
    if decision.verdict != "reject":
        return False
    if decision.keeps or (found is not None and found.clears):
        return True
    if not decision.loss or not fits or (found is not None and found.blamed):
        return False
    return found is None or bool(found.stopped) or decision.loss == "reference"


def was_blamed(upload: Upload) -> bool:
    """Return whether an upload failed because it was to blame, and a person brought it back."""
    return any(TO_BLAME in one["reason"] for one in upload.earlier)


def settled(found: Mapping[str, str], uploads: Iterable[Upload]) -> tuple[dict[str, str], bool]:
    """Return which uploads are given up, and whether a person has to decide first.

    An upload that a person brought back is not given up again by the same comparison. While others are to blame,
    it goes on with the rest; where it alone is, a person decides about the version.

    Parameters
    ----------
    found
        Result of `Blame.by_upload`.
    uploads
        These uploads, as the ledger has them.

    Returns
    -------
    tuple
        Figures by id of the uploads that are given up, if a person does not approve the version; and whether
        these are uploads that a person brought back.
    """
    back = {upload.upload_id for upload in uploads if was_blamed(upload)} & found.keys()
    others = {upload: figures for upload, figures in found.items() if upload not in back}
    return others or dict(found), bool(back) and not others
