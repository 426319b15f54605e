"""Comparison of a candidate with the champion on the same rows, and the verdict that its interval allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from relearn.figures import counted

Verdict = Literal["better", "as good", "no difference seen", "worse"]
"""What an interval says of the candidate."""
PARTS = ("known", "new", "fall")
"""Parts of a comparison, as a report names them."""


@dataclass(frozen=True, slots=True)
class ExaminedBefore:
    """What is left of the rows that the champion was examined on.

    Parameters
    ----------
    rows
        Rows that the champion was examined on when it was judged; visitors of a ranking.
    left
        Those of them that are in the evaluation set. The others were replaced or erased, are older than the spec keeps, or
        were learnt by a version that is compared.
    new
        Rows of the evaluation set that it was not examined on.
    gone
        Those of ``rows`` that no upload of the snapshot has any more with this target: they were replaced or erased, or are
        older than the spec keeps.
    """

    rows: int
    left: int
    new: int
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Difference of candidate and champion in the deciding metric, as the training job measured it.

    Parameters
    ----------
    difference
        Candidate minus champion, signed so that above 0 the candidate is better, for errors too.
    low, high
        Bounds of the difference, each one-sided at ``confidence``.
    error
        Standard error of the difference.
    smallest
        Smallest true difference that this evaluation set shows with a probability of 0.8.
    confidence
        Confidence of each bound, 0.5 to below 1.
    rows
        Rows, or entities of a ranking, that both answered.
    crossed
        How many of them are training rows that the champion has not learnt, answered by fits that had not learnt them
        either; None where the held-out rows alone were answered.
    known, new
        The same for the rows that were held out before, and for those that the uploads on trial hold out; None
        where they cannot be told apart.
    fall
        The champion's answers on the new rows less those on the known ones, in its accuracy or negated mean
        absolute error; None where the rows cannot be told apart.
    before
        What is left of the rows that the champion was examined on; None where it kept no record of them.
    """

    difference: float
    low: float
    high: float
    error: float
    smallest: float
    confidence: float
    rows: int
    known: Comparison | None = None
    new: Comparison | None = None
    fall: Comparison | None = None
    before: ExaminedBefore | None = None
    crossed: int | None = None

    @classmethod
    def from_report(cls, champion: Mapping[str, Any] | None) -> Comparison | None:
        """Read the comparison from a report's ``champion``; None where it has none.

        Raises
        ------
        LookupError, TypeError, ValueError
            The entry is malformed, or its figures contradict each other.
        """
        told = (champion or {}).get("comparison")
        if told is None:
            return None
        known, new, fall = (cls._of(part) if (part := told.get(name)) else None for name in PARTS)
        before = ExaminedBefore(**one) if (one := told.get("before")) else None
        return replace(cls._of(told), known=known, new=new, fall=fall, before=before)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data, as `from_report` reads them; without the parts that are None."""
        return asdict(self, dict_factory=lambda found: {name: one for name, one in found if one is not None})

    @classmethod
    def _of(cls, told: Mapping[str, Any]) -> Comparison:
        names = ("difference", "low", "high", "error", "smallest", "confidence")
        difference, low, high, error, smallest, confidence = (float(told[name]) for name in names)
        ordered = low <= difference <= high and min(error, smallest) >= 0
        if not ordered or not all(map(math.isfinite, (low, high, error, smallest))):
            raise ValueError(f"a difference of {difference} from {low} to {high}")
        crossed = told.get("crossed")
        return cls(
            difference, low, high, error, smallest, confidence, int(told["rows"]),
            crossed=None if crossed is None else int(crossed),
        )  # fmt: skip

    def verdict(self, tolerance: float) -> Verdict:
        """Return what is sure: a lead, that no loss matters, a loss, or nothing.

        A loss that is sure but surely within the tolerance is ``as good``.

        Parameters
        ----------
        tolerance
            Loss that does not matter, in units of the metric, 0 or more.
        """
        if self.low > 0:
            return "better"
        if self.low >= -tolerance:
            return "as good"
        return "worse" if self.high < 0 else "no difference seen"

    def harms(self, tolerance: float) -> bool:
        """Return whether the candidate is surely worse, on all rows or on those that were held out before."""
        parts = (self, self.known)
        return any(part is not None and part.verdict(tolerance) == "worse" for part in parts)

    def near(self, tolerance: float) -> float:
        """Return by how much a candidate may be behind without a seen difference, in units of the metric.

        It is the standard error, at least one tolerance and at most two: what chance explains, within reason.
        """
        return min(max(tolerance, self.error), 2 * tolerance)

    def behind(self, tolerance: float) -> bool:
        """Return whether the candidate is behind by more than chance explains, though no loss is sure."""
        return self.verdict(tolerance) == "no difference seen" and self.difference < -self.near(tolerance)

    def decay(self, tolerance: float) -> bool:
        """Return whether the candidate is surely worse, and by its value behind by more than a tolerance."""
        return self.high < 0 and self.difference < -tolerance

    def contradiction(self, tolerance: float) -> str:
        """Describe how the new rows contradict those that were held out before; empty when they do not.

        They do where the known rows alone would refuse the candidate. They also do where the champion answers the
        new rows surely worse than the known ones, the candidate is not surely better on the new ones, so that
        nothing was to be learnt of them, and it is not ahead by a standard error on the known ones.

        Known rows that are gone may be those that would have refused it, as where a file is replaced by one with other
        labels. So they also do where the champion surely falls on the new rows, and the known ones would refuse the
        candidate if it lost on those that are gone what it gains on the new ones.
        """
        known, new = self.known, self.new
        if known is None or not self._has_new_rows:
            return ""
        fell = self.fall is not None and self.fall.high < 0
        noise = fell and (new is None or new.low <= 0) and known.difference < known.error
        replaced = fell and self._hidden_loss(known) > known.near(tolerance)
        if not (noise or replaced or known.verdict(tolerance) == "worse" or known.behind(tolerance)):
            return ""
        gone = f" ({self.before.gone:,} more are gone)" if replaced and self.before else ""
        beside = "" if new is None else f" and {new.difference:+.2g} on {counted(new.rows, 'new row')}"
        return (
            f"{known.difference:+.2g} on {counted(known.rows, 'row')} held out before{gone}{beside}: "
            "the new labels are wrong, or the world changed"
        )

    def _hidden_loss(self, known: Comparison) -> float:
        """Return the loss on all rows held out before, if those that are gone lost what the new ones gain; 0 where none is gone."""
        before = self.before
        if before is None or not before.gone:
            return 0.0
        gain = self.difference if self.new is None else self.new.difference
        return (before.gone * gain - before.left * known.difference) / (before.gone + before.left)

    @property
    def silence(self) -> str:
        """Describe why the rows held out before can say nothing of the new ones; empty where they can.

        New rows are examined with labels of their own, so that only the known rows show whether these are right. They
        cannot where more than half of what the champion was examined on is gone, and where the metric is undefined
        on what is left.
        """
        before = self.before
        if before is None or not before.rows or not (before.new or self.crossed):
            return ""
        if before.left * 2 < before.rows:
            left = "none is" if not before.left else f"{before.left} are"
            return f"of {counted(before.rows, 'row')} that the champion was examined on {left} left"
        if self.known is None:
            return f"the metric is undefined on the {counted(before.left, 'row')} held out before"
        return ""

    @property
    def unseen(self) -> str:
        """Describe what the rows held out before cannot show; empty where the champion does not surely fall on the new ones."""
        if self.fall is None or self.fall.high >= 0:
            return ""
        return (
            "; the champion is surely worse on the new rows than on those held out before, which cannot show whether the "
            "new labels are right"
        )

    @property
    def _has_new_rows(self) -> bool:
        """Whether rows that were not held out before count: they are examined, or cross-validated."""
        return self.new is not None or bool(self.crossed) or (self.before is not None and self.before.new > 0)

    @property
    def asked(self) -> str:
        """Describe the rows that both answered, and the difference where the metric of the held-out rows does not show it."""
        if not self.crossed:
            return f"{counted(self.rows, 'row')} held out"
        held = counted(self.rows - self.crossed, "row")
        return (
            f"{held} held out, a difference of {self.difference:+.2g} with {self.crossed:,} cross-validated"
        )

    def words(self, tolerance: float) -> str:
        """Describe the verdict with the figure that supports it."""
        sure = f"({self.confidence:.0%} sure)"
        match self.verdict(tolerance):
            case "better":
                return f"better by at least {self.low:.2g} {sure}"
            case "as good":
                return f"as good: a loss above {tolerance:.2g} is ruled out {sure}"
            case "worse":
                return f"worse by at least {-self.high:.2g} {sure}"
            case _:
                return f"no difference seen; one below {self.smallest:.2g} cannot be seen on so few"
