"""Decision whether a candidate may replace the champion: a pure function of metrics, with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from relearn.figures import apart, counted
from relearn.lifecycle.changed_spec import ChangedSpec
from relearn.lifecycle.comparison import Comparison
from relearn.spec.model import Metric


@dataclass(frozen=True, slots=True)
class Naive:
    """Comparison of a candidate with the naive baseline of its kind of model, on the same holdout.

    Parameters
    ----------
    method
        Name of the baseline, for people, e.g. ``"popularity"``.
    value
        Value of the deciding metric for the baseline.
    mean
        Lead of the candidate over the baseline in that metric: the mean over entities.
    low
        One-sided lower confidence bound of the lead, so that a lead by chance does not count.
    confidence
        Confidence of the bound, 0 to 1.
    """

    method: str
    value: float
    mean: float
    low: float
    confidence: float

    @classmethod
    def from_report(cls, data: Mapping[str, Any] | None, metric: str) -> Naive | None:
        """Read the comparison from a training report; None where the report has none.

        Parameters
        ----------
        data
            The report's entry for the baseline; None where there is none.
        metric
            Name of the deciding metric.

        Raises
        ------
        LookupError, TypeError, ValueError
            The entry is malformed, or is about another metric.
        """
        if data is None:
            return None
        lead = data["lead"]
        if lead["metric"] != metric:
            raise ValueError(f"the lead is of {lead['metric']}, not of {metric}")
        figures = (data["metrics"][metric], lead["mean"], lead["low"], lead["confidence"])
        return cls(str(data["method"]), *map(float, figures))

    @property
    def words(self) -> str:
        """Describe the lead over the baseline."""
        value, low = apart(self.value)[0], apart(self.low)[0]
        return f"better than {self.method}, {value}, by at least {low} ({self.confidence:.0%} sure)"


@dataclass(frozen=True, slots=True)
class Reference:
    """Comparison of a candidate with the reference: the last version that was surely better than the one before it.

    A chain of versions, each as good as the one before it, may end far below its beginning. The reference is
    where it began.

    Parameters
    ----------
    version
        Number of the reference.
    value
        Value of the deciding metric for the reference.
    comparison
        Interval of the difference between candidate and reference.
    changed
        What the comparison is about; None where its spec is the candidate's.
    """

    version: int
    value: float
    comparison: Comparison
    changed: ChangedSpec | None = None

    @classmethod
    def from_report(cls, data: Mapping[str, Any] | None, metric: str) -> Reference | None:
        """Read the comparison from a training report; None where the report has none.

        Parameters
        ----------
        data
            The report's entry for the reference; None where there is none.
        metric
            Name of the deciding metric.

        Raises
        ------
        LookupError, TypeError, ValueError
            The entry is malformed, or its value is not a finite number.
        """
        if data is None or (comparison := Comparison.from_report(data)) is None:
            return None
        if not math.isfinite(value := float(data["metrics"][metric])):
            raise ValueError(f"{metric} of the reference is {value}")
        return cls(int(data["version"]), value, comparison, ChangedSpec.from_report(data))


@dataclass(frozen=True, slots=True)
class Decision:
    """Result of `decide`.

    Parameters
    ----------
    verdict
        Whether the candidate is registered and deployed.
    reason
        Reason, with the figures.
    asks
        Whether a person has to approve the candidate first, whatever the spec's policy is.
    becomes_reference
        Whether the candidate, once it serves, is the reference of later ones.
    keeps
        Whether the new uploads of a rejected candidate stay for the next run, because no loss is sure.
    loss
        Against whom a rejected candidate surely lost: against ``"reference"`` alone; empty where no loss is sure.
    """

    verdict: Literal["promote", "reject"]
    reason: str
    asks: bool = False
    becomes_reference: bool = False
    keeps: bool = False
    loss: Literal["", "champion", "reference"] = ""


def not_compared(note: Mapping[str, Any] | None) -> str:
    """Describe that a version cannot be compared, by a report's ``champion_incompatible``; empty for None."""
    return "" if note is None else f"version {note['version']} cannot be compared: {note['reason']}"


def decide(  # noqa: PLR0917 - everything that was measured
    candidate: Mapping[str, float],
    champion: Mapping[str, float] | None,
    policy: Metric,
    naive: Naive | None = None,
    comparison: Comparison | None = None,
    reference: Reference | None = None,
    *,
    changed: ChangedSpec | None = None,
    incomparable: str = "",
) -> Decision:
    """Judge a candidate against the spec's absolute bound, the naive baseline, the champion and the reference.

    All were measured on the same holdout. A candidate whose metric is NaN or infinite is rejected. If the
    champion's metric is NaN or infinite there is nothing to compare with, and the candidate is rejected too
    until someone looks.

    With a comparison its verdict decides: a candidate that is better or as good is promoted, one that is worse
    is rejected, and ``policy.undecided`` says what becomes of one without a difference. A margin is needed in
    any case. A candidate that the new rows promote against those that were held out before is a contradiction,
    which a person decides unless ``policy.contradiction`` says otherwise; so too where those held out before are gone,
    or do not show the metric. Without a comparison the values alone decide.
    The new uploads of a rejected candidate stay where no loss, against the champion or the reference, is sure.

    A candidate that passed all this is still rejected when it is surely worse than the reference and behind it
    by more than the tolerance. It becomes the reference itself when it is surely better than the champion and
    not behind the reference, when nothing was there to compare it with, and when a person is asked.

    A person is asked where a champion serves that cannot answer the rows: the bound alone decides for a first model
    and for nothing else. Where the champion's spec was another, both are compared on what both can answer, and a class
    that it does not know has to meet the bound by itself; a person is asked where that class has too few rows,
    and where most rows could not be compared.

    Parameters
    ----------
    candidate, champion
        Metric name to value; ``champion`` is None when no version serves yet, and where it cannot answer the rows.
    policy
        Deciding metric of the spec, with its bound and margin.
    naive
        Comparison with the naive baseline; None for kinds of models that have no baseline.
    comparison
        Interval of the difference from the champion; None where the report has none.
    reference
        Comparison with the reference; None where that is the champion itself, or it could not be measured.
    changed
        What the comparison with the champion is about; None where its spec is the candidate's.
    incomparable
        Why the champion that serves cannot be compared with, from `not_compared`; empty when it can, or there is none.

    Returns
    -------
    Decision
        The verdict and its reason.
    """
    decision = _decide(candidate, champion, policy, naive, comparison, reference, changed, incomparable)
    if decision.verdict == "promote" or champion is None or comparison is None:
        return decision
    harms = comparison.harms(policy.tolerated(champion.get(policy.name, math.nan)))
    decays = reference is not None and reference.comparison.decay(policy.tolerated(reference.value))
    return replace(
        decision,
        keeps=not harms and not decays,
        loss="champion" if harms else "reference" if decays else "",
    )


def _decide(  # noqa: PLR0917 - as `decide`
    candidate: Mapping[str, float],
    champion: Mapping[str, float] | None,
    policy: Metric,
    naive: Naive | None,
    comparison: Comparison | None,
    reference: Reference | None,
    changed: ChangedSpec | None,
    incomparable: str,
) -> Decision:
    name = policy.name
    value = candidate.get(name, math.nan)
    if not math.isfinite(value):
        return Decision("reject", f"{name} of the candidate is {value}, not a finite number")
    refusal = (
        _below_the_bound(value, policy)
        or _below_naive(value, naive, policy)
        or _new_class_below_the_bound(changed, policy)
    )
    if refusal is not None:
        return Decision("reject", refusal)
    if champion is None:
        told = f"{name} {apart(value)[0]} meets the spec's bound, {policy.demanded}"
        if incomparable:
            told += f"; {incomparable}; a person decides"
        decision = Decision("promote", told, asks=bool(incomparable), becomes_reference=True)
    else:
        compared = value if changed is None else changed.candidate.get(name, math.nan)
        decision = _against(compared, champion.get(name, math.nan), policy, comparison)
        if decision.verdict == "promote" and changed is not None and changed.doubt:
            told = f"{decision.reason}; a person decides, as {changed.doubt}"
            decision = Decision("promote", told, asks=True, becomes_reference=True)
    if decision.verdict == "promote" and reference is not None:
        decision = _against_reference(value, reference, policy, decision)
    if decision.verdict == "reject":
        return decision
    beside = "" if naive is None else f"; {naive.words}"
    alone = champion is None and reference is None and not incomparable
    first = "; first model" if alone else ""
    return replace(decision, reason=f"{decision.reason}{beside}{first}")


def _against(value: float, rival: float, policy: Metric, comparison: Comparison | None) -> Decision:
    """Judge a candidate against the champion alone."""
    name = policy.name
    if not math.isfinite(rival):
        return Decision(
            "reject", f"{name} of the champion is {rival}: nothing to compare {apart(value)[0]} with"
        )
    target = rival - policy.margin if policy.lower_is_better else rival + policy.margin
    mine, theirs, needed = apart(value, rival, target)
    compared = f"{name} {mine} against the champion's {theirs}"
    if (comparison is None or policy.margin) and not _as_good(value, target, policy):
        return Decision("reject", f"{compared}; needed {_word(policy)} {needed} on the same holdout")
    if comparison is None:
        return Decision("promote", f"{compared} on the same holdout")
    tolerance = policy.tolerated(rival)
    compared = f"{compared} on {comparison.asked}: {comparison.words(tolerance)}"
    refusal = _refused(comparison, tolerance, policy)
    if refusal is not None:
        return Decision("reject", f"{compared}{refusal}")
    contradiction = comparison.contradiction(tolerance)
    doubt = f"its lead is {contradiction}" if contradiction else comparison.silence
    if doubt and policy.contradiction == "ask":
        return Decision(
            "promote", f"{compared}; a person decides, as {doubt}", asks=True, becomes_reference=True
        )
    return Decision(
        "promote",
        f"{compared}{comparison.unseen}",
        becomes_reference=comparison.verdict(tolerance) == "better",
    )


def _against_reference(value: float, reference: Reference, policy: Metric, decision: Decision) -> Decision:
    """Return the decision on a candidate that would be promoted, held against the reference."""
    comparison, tolerance = reference.comparison, policy.tolerated(reference.value)
    own = value if reference.changed is None else reference.changed.candidate.get(policy.name, math.nan)
    if not comparison.decay(tolerance):
        leads = decision.becomes_reference and (decision.asks or comparison.difference >= 0)
        return replace(decision, becomes_reference=leads)
    mine, theirs = apart(own, reference.value)
    return Decision(
        "reject",
        f"{policy.name} {mine} against {theirs} of version {reference.version}, the last that was surely better than "
        f"the one before it, on {counted(comparison.rows, 'row')} held out: {comparison.words(tolerance)}, and behind by "
        f"more than {tolerance:.2g}: small losses have added up",
    )


def _refused(comparison: Comparison, tolerance: float, policy: Metric) -> str | None:
    """Return what to add to the reason of a rejection, maybe nothing; None when the candidate is promoted."""
    verdict = comparison.verdict(tolerance)
    if verdict == "worse":
        return ""
    if verdict != "no difference seen" or policy.undecided == "promote":
        return None
    if policy.undecided == "keep":
        return "; the spec keeps the champion then"
    return f"; behind by more than {comparison.near(tolerance):.2g}" if comparison.behind(tolerance) else None


def _below_the_bound(value: float, policy: Metric) -> str | None:
    if _as_good(value, policy.bound, policy):
        return None
    mine, _ = apart(value, policy.bound)
    return f"{policy.name} {mine}; the spec demands {policy.demanded}"


def _new_class_below_the_bound(changed: ChangedSpec | None, policy: Metric) -> str | None:
    if changed is None:
        return None
    for one in changed.new:
        if one.value is not None and one.is_measured and not _as_good(one.value, policy.bound, policy):
            return (
                f"{one.figure} of {one.name}, which the champion does not know, is {apart(one.value, policy.bound)[0]} on "
                f"{counted(one.rows, 'row')} held out; the spec demands {policy.demanded}"
            )
    return None


def _below_naive(value: float, naive: Naive | None, policy: Metric) -> str | None:
    if naive is None or naive.low > 0:  # false for NaN
        return None
    (mine, theirs), (low,) = apart(value, naive.value), apart(naive.low)
    return (
        f"{policy.name} {mine} is not surely better than {naive.method}, {theirs}: by at least "
        f"{low} ({naive.confidence:.0%} sure); needed above 0"
    )


def _word(policy: Metric) -> str:
    return "at most" if policy.lower_is_better else "at least"


def _as_good(value: float, target: float, policy: Metric) -> bool:
    return value <= target if policy.lower_is_better else value >= target
