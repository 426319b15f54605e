"""Sequential test of whether a candidate is slower than the champion by more than the limit.

A candidate within the limit exceeds no time more often than the champion exceeds a time that is shorter by the limit. For each of
some times this is a question about two failure rates, which `relearn.traffic.evidence` tests; the mean of the
evidence over the times is evidence again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relearn.traffic.evidence import Counts, Evidence, log_mean
from relearn.traffic.version_stats import BOUNDS_MS

SLACK_MS = 20.0
"""Milliseconds by which a candidate may always be slower: a ratio of two small latencies means nothing."""
CUTS = tuple(range(33, len(BOUNDS_MS), 4))
"""Buckets whose upper bounds are the times that are compared: from 23 ms, the first above the slack, to 32 s."""
Times = Mapping[int, int]
"""Bucket of a time (index into `BOUNDS_MS`) to number of requests."""


def allowed(milliseconds: float, ratio: float) -> float:
    """Return the longest time that a candidate may take where the champion takes ``milliseconds``."""
    return max(milliseconds * ratio, milliseconds + SLACK_MS)


@dataclass(frozen=True, slots=True)
class LatencyEvidence:
    """Evidence that a candidate is slower than the limit allows, over all steps of a rollout so far.

    Parameters
    ----------
    cuts
        Evidence for each of `CUTS`.
    """

    cuts: tuple[Evidence, ...]

    @classmethod
    def of(cls, steps: int) -> LatencyEvidence:
        """Return the evidence before a rollout of so many judged steps."""
        return cls((Evidence(steps=steps),) * len(CUTS))

    def in_step(self, step: str) -> LatencyEvidence:
        """Return the evidence at the begin of a step; see `Evidence.in_step`."""
        return LatencyEvidence(tuple(cut.in_step(step) for cut in self.cuts))

    def look(self, candidate: Times, champion: Times, ratio: float) -> LatencyEvidence:
        """Return the evidence after a look at all times of the step until now.

        Parameters
        ----------
        candidate, champion
            Times of both versions.
        ratio
            Ratio by which the candidate may be slower.
        """
        seen = _exceeding(candidate, champion, ratio)
        return LatencyEvidence(tuple(cut.look(now) for cut, now in zip(self.cuts, seen, strict=True)))

    def beside(self, candidate: Times, champion: Times, ratio: float) -> LatencyEvidence:
        """Return the evidence with times that are not counted with the step's, e.g. of probes."""
        seen = _exceeding(candidate, champion, ratio)
        return LatencyEvidence(tuple(cut.beside(block) for cut, block in zip(self.cuts, seen, strict=True)))

    @property
    def log(self) -> float:
        """Natural logarithm of the evidence."""
        return log_mean([cut.log for cut in self.cuts])

    def exceeds(self, false_alarm: float) -> bool:
        """Return whether the candidate is surely slower, with a probability of error of ``false_alarm``."""
        return self.log >= -math.log(false_alarm)

    def as_list(self) -> list[dict[str, Any]]:
        """Return it as JSON-ready data; `from_list` reads it back equal."""
        return [cut.as_dict() for cut in self.cuts]

    @classmethod
    def from_list(cls, data: Sequence[Mapping[str, Any]]) -> LatencyEvidence:
        """Build it from data that `as_list` returned."""
        return cls(tuple(Evidence.from_dict(cut) for cut in data))


def _exceeding(candidate: Times, champion: Times, ratio: float) -> list[Counts]:
    """Return for each cut how many requests exceed it: of the champion, with what the limit allows on top."""
    mine, theirs = sum(candidate.values()), sum(champion.values())
    return [
        Counts(
            mine,
            sum(count for bucket, count in candidate.items() if bucket > cut),
            theirs,
            # The bound of a bucket is at or above its times, so that the champion exceeds rather too many.
            sum(
                count
                for bucket, count in champion.items()
                if allowed(BOUNDS_MS[bucket], ratio) > BOUNDS_MS[cut]
            ),
        )
        for cut in CUTS
    ]
