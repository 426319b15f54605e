"""Find the new uploads that make a candidate worse than the champion.

The recipe is fitted on the data that served before, without any new upload, and on that data with each new
upload. An upload is to blame when the second fit is surely worse than the first. Fits without one upload each
would hide several bad uploads behind one another: while one is left out, the others still spoil the fit
(``bench/blame.py`` measures both). The uploads whose rows the champion answers surely worse than those held out before
come first, and where one of them is to blame the search ends: a run of the others follows. Where there are more uploads than the budget allows fits, halves of
them are fitted together, and only harmful halves are divided further.

Of many rows the fits learn and answer a sample, which may not show the harm. Uploads on which the champion falls are then fitted together, and are to blame
unless the fit with them is surely better; without such an upload all others are fitted together, and divided where they do harm. Mostly two fits tell.

Two fits are compared on held-out rows that neither brought: the rows held out before, and those of the other
uploads which the champion answers no worse. Because these may be bad too, rows of theirs count against an upload only where
the rows held out before point the same way. Each comparison is made at the spec's confidence, divided by the number of comparisons
(Bonferroni), so that blame by chance stays as rare as a wrong verdict.

Few rows may not show the harm. An upload is therefore also to blame where the fit with it is behind on either set of rows,
surely or not, and the champion answers its own rows surely worse (99.9 %) than those. Where no loss is sure and
a person is asked, that fall alone is what the uploads contradict. Which rows an upload happens to have moves a fit too, which
no interval over held-out rows covers: beside an upload that costs much, one that costs less than a fifth of it is not blamed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from relearn.figures import counted
from relearn.lifecycle.blame import Blame, Example, Trial
from relearn.lifecycle.comparison import Comparison
from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.data.dataset import Dataset, Table
from training.fitting import lighter, tabular
from training.fitting.comparison import Measured, between
from training.fitting.tasks import Answers

COMPARED = 2_000
"""Held-out rows of many on which fits are compared: at most so many held out before, and of all new uploads together."""
FEWEST_COMPARED = 200
"""Held-out rows of each new upload that are compared, if it has so many, however many uploads there are."""
EXAMPLES = 3
"""Rows that are named as examples of an upload to blame."""
NOTABLE = 0.2
"""Share of the largest loss that another upload must cause to be blamed beside it, unless the champion falls on it."""
SAME_DATA = 0.95
"""Share of the champion's training rows that must still be there to compare the recipe alone with it."""
Fit = Callable[[Array, Table], Answers | None]
"""Fits the recipe on the training rows of a mask, and answers the rows of a table; None where it cannot be fitted."""


@dataclass(frozen=True, slots=True)
class Champion:
    """Champion of the comparison.

    Parameters
    ----------
    answers
        Its answers to the evaluation set.
    rows
        Number of rows that it was trained on; 0 when it is not known.
    is_better
        Whether the candidate is surely worse than it; else a person is asked.
    """

    answers: Answers
    rows: int = 0
    is_better: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a search.

    Parameters
    ----------
    fits
        Most fits.
    until
        Time by ``clock`` at which the search must have ended, in seconds.
    clock
        Returns the time in seconds.
    """

    fits: int
    until: float
    clock: Callable[[], float]


def find(  # noqa: PLR0917 - of what, by whom and how long
    spec: ModelSpec,
    dataset: Dataset,
    on_trial: Sequence[str],
    fit: Fit,
    champion: Champion,
    limits: Limits,
) -> Blame | None:
    """Look for the uploads to blame, within the limits.

    Parameters
    ----------
    spec
        Spec of the candidate: a classification or a regression.
    dataset
        Rows with their uploads.
    on_trial
        Ids of the new uploads, or their first characters.
    fit
        Fits the recipe.
    champion
        Champion of the comparison.
    limits
        Limits of the search.

    Returns
    -------
    Blame or None
        None where no search is possible: no budget, rows without an upload, or no new upload.
    """
    places = dataset.places(on_trial)
    if not limits.fits or not places or dataset.train_upload is None or dataset.holdout_upload is None:
        return None
    asked = _asked(dataset, places)
    search = _Search(
        spec,
        dataset.uploads,
        dataset.train_upload,
        dataset.holdout_upload[asked],
        tuple(places),
        None if dataset.holdout_row is None else dataset.holdout_row[asked],
        None if dataset.holdout_line is None else dataset.holdout_line[asked],
        replace(champion, answers=tabular.part(champion.answers, asked)),
        fit,
        limits,
        lighter.sample(len(dataset.train)),
        many=len(dataset.train) > lighter.MANY_ROWS,
    )
    return search.run()


def _asked(dataset: Dataset, places: Sequence[int]) -> Array:
    """Return the held-out rows that are compared, as indices: all of few, else a part of each new upload's and of the others'."""
    uploads = np.asarray(dataset.holdout_upload)
    if len(dataset.train) <= lighter.MANY_ROWS:
        return np.arange(len(uploads))
    most, generator = max(FEWEST_COMPARED, COMPARED // len(places)), np.random.default_rng(0)
    found = [(np.flatnonzero(uploads == place), most) for place in places]
    found.append((np.flatnonzero(~np.isin(uploads, places)), COMPARED))
    chosen = [
        rows if len(rows) <= most else generator.choice(rows, most, replace=False) for rows, most in found
    ]
    return np.sort(np.concatenate(chosen))


@dataclass(slots=True)
class _Search:
    """State of a search.

    Parameters
    ----------
    spec, champion, fit, limits
        As given to `find`.
    names
        Ids of all uploads.
    numbers, lines
        Number of each row of the evaluation set among those of its upload, from 1, and its line of the uploaded file, 0
        where that is not known; None: not known of any.
    train, holdout
        Place in ``names`` of the upload of each row, of the training rows and of the evaluation set.
    places
        Places of the new uploads in ``names``.
    chosen
        Training rows that fits learn from, shape (rows,).
    many
        Whether there are more rows than `training.fitting.lighter.MANY_ROWS`.
    fallen
        Places of the new uploads whose rows the champion answers surely worse than those held out before.
    serving
        Coded answers of the champion (`training.fitting.tabular.coded`).
    known
        How right the champion is on the rows held out before; None until it was measured, and where it cannot be.
    base
        Answers of the fit without any new upload; None until it was made.
    """

    spec: ModelSpec
    names: tuple[str, ...]
    train: Array
    holdout: Array
    places: tuple[int, ...]
    numbers: Array | None
    lines: Array | None
    champion: Champion
    fit: Fit
    limits: Limits
    chosen: Array
    many: bool = False
    fallen: tuple[int, ...] = ()
    serving: Answers = field(init=False)
    known: Measured | None = None
    base: Answers | None = None
    fits: int = 0
    longest: float = 0.0
    stopped: str = ""
    trials: list[Trial] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.serving = tabular.coded(self.spec, self.champion.answers)

    def run(self) -> Blame:
        base = self._fitted(())
        if base is None:
            self.stopped = self.stopped or "the recipe cannot be fitted on the data that served before alone"
            return self._result()
        self.base, self.known = base, self._right(self._rows(()))
        self.fallen = tuple(place for place in self.places if self._fall((place,)))
        if self._recipe_is_worse(base):
            return replace(self._result(), recipe=True)
        self._try_fallen()
        if any(trial.blamed for trial in self.trials):
            return self._result()
        left = tuple(place for place in self.places if not self.trials or place not in self.fallen)
        self._try_left(left)
        return self._result()

    def _try_fallen(self) -> None:
        """Fit with the uploads on which the champion falls: with each, or of many rows with all together."""
        if self.many and len(self.fallen) > 1:
            trial = self._try(self.fallen)
            self.trials += [] if trial is None else [trial]
        elif self.fits + len(self.fallen) <= self.limits.fits:
            self._each(self.fallen)

    def _try_left(self, left: tuple[int, ...]) -> None:
        """Fit with the other uploads: with each, or with halves; of many rows with all together first."""
        if self.many and len(left) > 1:
            together = self._try(left)
            if together is not None and together.blamed:
                self._divide(left, together)
            elif together is not None:
                self.trials.append(together)
        elif self.fits + len(left) <= self.limits.fits:
            self._each(left)
        elif left:
            self._divide(left, None)

    def _each(self, places: Sequence[int]) -> None:
        """Fit with each of some uploads alone, as far as the limits allow."""
        for place in places:
            if (trial := self._try((place,))) is None:
                return
            self.trials.append(trial)

    def _result(self) -> Blame:
        largest = max((_loss(trial) for trial in self.trials if trial.blamed), default=0.0)
        trials = tuple(
            replace(
                trial, blamed=trial.blamed and (trial.fall is not None or _loss(trial) >= NOTABLE * largest)
            )
            for trial in self.trials
        )
        return Blame(trials, fits=self.fits, stopped=self.stopped)

    def _divide(self, group: tuple[int, ...], harmful: Trial | None) -> None:
        """Search the halves of a group; ``harmful`` is the group's own trial, None for all uploads together."""
        if len(group) == 1 and harmful is not None:
            self.trials.append(harmful)
            return
        middle = (len(group) + 1) // 2
        found = [(half, self._try(half)) for half in (group[:middle], group[middle:]) if half]
        tried = [(half, trial) for half, trial in found if trial is not None]
        self.trials += [trial for _, trial in tried if not trial.blamed]
        for half, trial in tried:
            if trial.blamed:
                self._divide(half, trial)
        if harmful is None or any(trial.blamed for _, trial in tried):
            return
        # The harm is in the half that was not tried; else neither half alone shows what both do together.
        left = group[middle:] if len(tried) == 1 else group
        self.trials.append(replace(harmful, uploads=self._names(left)))

    def _try(self, group: tuple[int, ...]) -> Trial | None:
        """Fit with a group; None when the limits are reached."""
        given = self._fitted(group)
        if given is None:
            return None
        assert self.base is not None  # noqa: S101 - fitted first
        known, others = self._rows(()), self._rows(group)
        on_known, on_others = (self._compared(given, self.base, rows) for rows in (known, others))
        behind = [found is not None and found.difference < 0 for found in (on_known, on_others)]
        fall = self._fall(group)
        harms = [
            self._is_worse(found, self.base, rows) for found, rows in ((on_known, known), (on_others, others))
        ]
        rows, found = (known, on_known) if harms[0] else (others, on_others)
        blamed = harms[0] or (harms[1] and (behind[0] or on_known is None))
        blamed = blamed or (fall is not None and (any(behind) or not self.champion.is_better))
        # A fit of a small part of many rows may not show what the candidate surely lost: the fall is enough unless it gains.
        gains = any(found is not None and found.low > 0 for found in (on_known, on_others))
        blamed = blamed or (self.many and fall is not None and not gains)
        return Trial(
            self._names(group),
            without=self._value(self.base, rows),
            given=self._value(given, rows),
            high=0.0 if found is None else found.high,
            rows=int(rows.sum()),
            blamed=blamed,
            fall=fall,
            examples=self._examples(group[0]) if blamed and len(group) == 1 else (),
        )

    def _examples(self, place: int) -> tuple[Example, ...]:
        """Return the held-out rows of an upload that the champion contradicts most."""
        if self.numbers is None:
            return ()
        answers = self.champion.answers
        truth, scores = answers.evaluation_set.target, answers.scores
        if self.spec.kind == "regression":
            apart = np.abs(scores.predictions - truth)
        else:
            sure = 1.0 if scores.probabilities is None else scores.probabilities.max(axis=1)
            apart = np.where(scores.predictions != truth, sure, 0.0)
        rows = np.flatnonzero((self.holdout == place) & (apart > 0))
        worst = rows[np.argsort(-apart[rows], kind="stable")][:EXAMPLES]
        lines = np.zeros_like(self.numbers) if self.lines is None else self.lines
        private = self.spec.target.private
        return tuple(
            Example(
                int(self.numbers[row]),
                "" if private else _shown(truth[row]),
                "" if private else _shown(scores.predictions[row]),
                int(lines[row]) or None,
            )
            for row in worst
        )

    def _fitted(self, group: tuple[int, ...]) -> Answers | None:
        """Fit on the data that served before with a group; None when that is not possible or the limits are reached."""
        now = self.limits.clock()
        if self.stopped:
            return None
        if self.fits == self.limits.fits:
            self.stopped = f"the budget of {counted(self.limits.fits, 'fit')} was used up"
            return None
        if now + self.longest > self.limits.until:
            self.stopped = f"the job had no time for more than {counted(self.fits, 'fit')}"
            return None
        left_out = np.isin(self.train, [one for one in self.places if one not in group])
        self.fits += 1
        answers = self.fit(self.chosen & ~left_out, self.champion.answers.evaluation_set)
        self.longest = max(self.longest, self.limits.clock() - now)
        # What cannot be fitted with a group (a class is missing) says nothing of the group.
        return self.base if answers is None else tabular.coded(self.spec, answers)

    def _rows(self, group: tuple[int, ...]) -> Array:
        """Return the rows held out before; with a group also those of the other new uploads on which the champion stands."""
        without = (*group, *self.fallen) if group else self.places
        return ~np.isin(self.holdout, without)

    def _recipe_is_worse(self, base: Answers) -> bool:
        """Return whether a fit on the champion's own data is surely worse than the champion."""
        champion = self.champion
        learnt = int((~np.isin(self.train, self.places)).sum())
        if not self.chosen.all() or not champion.rows or learnt < SAME_DATA * champion.rows:
            return False
        rows = self._rows(())
        found = tabular.compared(self.spec, base, self.serving, rows, self.spec.metric.confidence)
        return self._is_worse(found, self.serving, rows)

    def _fall(self, group: tuple[int, ...]) -> tuple[float, float] | None:
        """Return how right the champion is on a group's rows and on those held out before; None unless it surely falls."""
        own, known = self._right(np.isin(self.holdout, group)), self.known
        if own is None or known is None:
            return None
        confidence = 1 - (1 - tabular.FALL_CONFIDENCE) / len(self.places)
        if between(own, known, confidence).high >= 0:
            return None
        sign = 1 if self.spec.kind == "classification" else -1
        return sign * own.value, sign * known.value

    def _right(self, rows: Array) -> Measured | None:
        """Return how right the champion is on some rows: its accuracy, or its negated mean absolute error."""
        right = "accuracy" if self.spec.kind == "classification" else "mae"
        return tabular.measured(self.spec, right, tabular.part(self.serving, rows))

    def _compared(self, mine: Answers, theirs: Answers, rows: Array) -> Comparison | None:
        errors = (1 - self.spec.metric.confidence) / (2 * len(self.places))
        return tabular.compared(self.spec, mine, theirs, rows, 1 - errors)

    def _is_worse(self, found: Comparison | None, theirs: Answers, rows: Array) -> bool:
        if found is None:
            return False
        return found.verdict(self.spec.metric.tolerated(self._value(theirs, rows))) == "worse"

    def _value(self, answers: Answers, rows: Array) -> float:
        """Return the deciding metric on some rows, as people know it; 0 where it is undefined."""
        found = tabular.measured(self.spec, self.spec.metric.name, tabular.part(answers, rows))
        if found is None:
            return 0.0
        return -found.value if self.spec.metric.lower_is_better else found.value

    def _names(self, group: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.names[place] for place in group)


def _loss(trial: Trial) -> float:
    return abs(trial.given - trial.without)


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
