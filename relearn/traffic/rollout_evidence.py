"""Evidence of a candidate's harm that is carried from look to look and from step to step of a rollout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relearn.spec.rollout import Limits
from relearn.traffic.evidence import Counts, Evidence
from relearn.traffic.latency import LatencyEvidence, Times
from relearn.traffic.version_stats import Live

ERRORS_SHARE, LATENCY_SHARE, WAITS_SHARE, ANSWERS_SHARE, PAIRS_SHARE = 0.5, 0.1, 0.1, 0.2, 0.1
"""Shares of the spec's `false_alarm` that the tests have: of errors, of the version's own time, of the time that callers wait,
of a canary's answers and of a shadow's pairs.

Their sum is at most 1, so that any of them errs with a probability of `false_alarm` at most.
"""


@dataclass(frozen=True, slots=True)
class RolloutEvidence:
    """Evidence of harm of each kind.

    Parameters
    ----------
    errors
        Evidence that the candidate fails more often.
    latency, waits
        Evidence that it takes longer than the limit allows, by its own time and by the time that callers wait.
    """

    errors: Evidence
    latency: LatencyEvidence
    waits: LatencyEvidence

    @property
    def steps(self) -> int:
        """Number of judged steps in the whole rollout."""
        return self.errors.steps

    @classmethod
    def of(cls, steps: int) -> RolloutEvidence:
        """Return the evidence before a rollout of so many judged steps, at least 1."""
        return cls(Evidence(steps=steps), LatencyEvidence.of(steps), LatencyEvidence.of(steps))

    def in_step(self, step: str) -> RolloutEvidence:
        """Return the evidence at the begin of a step; the same where that step has begun already."""
        return RolloutEvidence(
            self.errors.in_step(step), self.latency.in_step(step), self.waits.in_step(step)
        )

    def look(self, candidate: Live, champion: Live, limits: Limits) -> RolloutEvidence:
        """Return the evidence after a look at all requests of the step until now; repeating a look changes nothing."""
        ratio = limits.latency_ratio
        return RolloutEvidence(
            self.errors.look(counts(candidate, champion)),
            self.latency.look(*own_times(candidate, champion), ratio),
            self.waits.look(candidate.waits, champion.waits, ratio),
        )

    def beside(self, candidate: Live, champion: Live, limits: Limits) -> RolloutEvidence:
        """Return the evidence with requests that are not counted with the step's, e.g. probes."""
        ratio = limits.latency_ratio
        return RolloutEvidence(
            self.errors.beside(counts(candidate, champion)),
            self.latency.beside(*own_times(candidate, champion), ratio),
            self.waits.beside(candidate.waits, champion.waits, ratio),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; `from_dict` reads it back equal."""
        return {
            "errors": self.errors.as_dict(),
            "latency": self.latency.as_list(),
            "waits": self.waits.as_list(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RolloutEvidence:
        """Build it from data that `as_dict` returned."""
        return cls(
            Evidence.from_dict(data["errors"]),
            LatencyEvidence.from_list(data["latency"]),
            LatencyEvidence.from_list(data["waits"]),
        )


def own_times(candidate: Live, champion: Live) -> tuple[Times, Times]:
    """Return the times of both versions to compare: their own, or what callers waited where only one reports its own."""
    if bool(candidate.waits) == bool(champion.waits):
        return candidate.latency, champion.latency
    return candidate.waits or candidate.latency, champion.waits or champion.latency


def counts(candidate: Live, champion: Live) -> Counts:
    """Return the requests and errors of both versions."""
    return Counts(candidate.requests, candidate.errors, champion.requests, champion.errors)
