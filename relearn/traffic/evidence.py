"""Sequential test of whether a candidate fails more often than the champion, valid after every look.

Requests are cut into blocks, one from each look to the next. Where both versions fail equally often within a
block, whatever that rate is and however it changes from block to block, the failures are spread over the
requests of both by chance: the candidate's share of them is hypergeometric. Where the odds of its failures
are ``odds`` times the champion's, it is Fisher's noncentral hypergeometric. The ratio of the two
probabilities has the expectation 1 if the versions are equally good, and at most 1 if the candidate is
better; so has the product over blocks, and its mean over several odds. By Ville's inequality such a product
ever reaches ``1 / alpha`` with a probability of at most ``alpha``, however often it is looked at.

Sources: Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for
optional stopping" (Journal of Statistical Planning and Inference 230, 2024), for blocks of two Bernoulli
streams; Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid inference"
(Statistical Science 38, 2023), for products and means of e-values; Fog, "Calculation methods for Wallenius'
and Fisher's noncentral hypergeometric distributions" (Communications in Statistics 37, 2008).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

ODDS = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
"""Odds ratios that a harmful candidate may have; the last is that of one which only fails."""
_WEIGHTS = tuple(weight / 10.5 for weight in (1.0, 2.0, 2.0, 1.5, 1.0, 1.0, 1.0, 1.0))
_NOTHING = (0.0,) * len(ODDS)
_NEGLIGIBLE = 1e-18
"""Share of a sum's largest term below which further terms are left out."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of both versions, and how many of them failed.

    Parameters
    ----------
    requests, errors
        Those of the candidate.
    champion_requests, champion_errors
        Those of the champion.
    """

    requests: int = 0
    errors: int = 0
    champion_requests: int = 0
    champion_errors: int = 0

    def since(self, earlier: Counts) -> Counts:
        """Return what was counted after ``earlier``."""
        return Counts(
            self.requests - earlier.requests,
            self.errors - earlier.errors,
            self.champion_requests - earlier.champion_requests,
            self.champion_errors - earlier.champion_errors,
        )

    @property
    def excess(self) -> float:
        """Candidate's error rate less the champion's, -1 to 1; a version without requests counts as 0."""
        return _rate(self.errors, self.requests) - _rate(self.champion_errors, self.champion_requests)

    @property
    def is_whole(self) -> bool:
        """Whether both versions were asked, and none failed more often than it was asked."""
        return (
            0 <= self.errors <= self.requests
            and 0 <= self.champion_errors <= self.champion_requests
            and min(self.requests, self.champion_requests) > 0
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence that a candidate fails more often than the champion, over all steps of a rollout so far.

    Harm may begin with any step, so the evidence is the mean over the steps of the product of all blocks from
    that step on. A step that has not begun counts 1. The size is the same however many looks there were.

    Parameters
    ----------
    steps
        Number of judged steps in the whole rollout, at least 1.
    begun
        Number of steps that have begun.
    step
        Name of the current step; a second begin with the same name changes nothing.
    logs
        For each of `ODDS`, the natural logarithm of the sum over the begun steps; empty before the first.
    seen
        Requests of the current step that are in ``logs``.
    """

    steps: int = 1
    begun: int = 0
    step: str = ""
    logs: tuple[float, ...] = ()
    seen: Counts = Counts()

    def in_step(self, step: str) -> Evidence:
        """Return the evidence at the begin of a step; the same where that step has begun already."""
        if self.begun and step == self.step:
            return self
        logs = tuple(_log_add(one, 0.0) for one in self.logs) or (0.0,) * len(ODDS)
        begun = self.begun + 1
        return Evidence(max(self.steps, begun), begun, step, logs, Counts())

    def look(self, now: Counts) -> Evidence:
        """Return the evidence after a look at the step's requests.

        Unchanged until both versions were asked since the last look. Looking again at the same counts changes
        nothing.

        Parameters
        ----------
        now
            All requests of the step until now.
        """
        block = now.since(self.seen)
        return replace(self._with(block), seen=now) if block.is_whole else self

    def beside(self, block: Counts) -> Evidence:
        """Return the evidence with requests that are not counted with the step's, e.g. probes."""
        return self._with(block) if block.is_whole else self

    @property
    def log(self) -> float:
        """Natural logarithm of the evidence; 0 before the first look."""
        if not self.begun:
            return 0.0
        sums = (
            [_log_add(one, math.log(self.steps - self.begun)) for one in self.logs]
            if self.begun < self.steps
            else self.logs
        )
        return _log_sum(
            math.log(weight) + one for weight, one in zip(_WEIGHTS, sums, strict=True)
        ) - math.log(self.steps)

    def exceeds(self, false_alarm: float) -> bool:
        """Return whether the candidate surely fails more often, with a probability of error of ``false_alarm``."""
        return self.log >= -math.log(false_alarm)

    def _with(self, block: Counts) -> Evidence:
        added = log_ratios(block)
        return replace(self, logs=tuple(one + more for one, more in zip(self.logs, added, strict=True)))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; `from_dict` reads it back equal."""
        seen = (self.seen.requests, self.seen.errors, self.seen.champion_requests, self.seen.champion_errors)
        return {
            "steps": self.steps,
            "begun": self.begun,
            "step": self.step,
            "logs": list(self.logs),
            "seen": list(seen),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evidence:
        """Build it from data that `as_dict` returned."""
        logs = tuple(float(one) for one in data["logs"])
        return cls(data["steps"], data["begun"], data["step"], logs, Counts(*data["seen"]))


def tail(block: Counts) -> float:
    """Return the probability of at least as many failures of the candidate where both versions are equally good.

    It is the one-sided p-value of Fisher's exact test, for a single look; 1 where a version was not asked.

    Parameters
    ----------
    block
        Requests of both versions, and those that are called failures.
    """
    if not block.is_whole:
        return 1.0
    mine, theirs, errors = block.requests, block.champion_requests, block.errors + block.champion_errors
    logs = (
        _log_choose(mine, one) + _log_choose(theirs, errors - one)
        for one in range(block.errors, min(errors, mine) + 1)
        if errors - one <= theirs
    )
    return min(1.0, math.exp(_log_sum(logs) - _log_choose(mine + theirs, errors)))


def log_mean(logs: Sequence[float]) -> float:
    """Return the logarithm of the mean of numbers whose logarithms are given, at least one."""
    return _log_sum(iter(logs)) - math.log(len(logs))


def log_ratios(block: Counts) -> tuple[float, ...]:
    """Return, for each of `ODDS`, the logarithm of the likelihood ratio of a block's failures.

    Parameters
    ----------
    block
        Requests of both versions, each at least 1, and their failures.
    """
    errors = block.errors + block.champion_errors
    if errors in (0, block.requests + block.champion_requests):
        return _NOTHING
    return tuple(
        block.errors * math.log(odds) - _log_mean_power(block.requests, block.champion_requests, errors, odds)
        for odds in ODDS
    )


def _log_mean_power(mine: int, theirs: int, errors: int, odds: float) -> float:
    """Return the logarithm of the mean of ``odds ** x``, ``x`` being the candidate's failures if both are equally good.

    The terms fall on both sides of the largest, and are summed from there until they are negligible.
    """
    least, most = max(0, errors - theirs), min(errors, mine)
    top = min(max(_mode(mine, theirs, errors, odds), least), most)
    total = 1.0
    for step in (1, -1):
        term, at = 1.0, top
        while least <= at + step <= most:
            low = min(at, at + step)  # the ratio of the terms of low + 1 and low
            ratio = odds * (mine - low) * (errors - low) / ((low + 1) * (theirs - errors + low + 1))
            term *= ratio if step == 1 else 1 / ratio
            if term < _NEGLIGIBLE:
                break
            total += term
            at += step
    largest = (
        _log_choose(mine, top)
        + _log_choose(theirs, errors - top)
        - _log_choose(mine + theirs, errors)
        + top * math.log(odds)
    )
    return largest + math.log(total)


def _mode(mine: int, theirs: int, errors: int, odds: float) -> int:
    """Return the most probable number of the candidate's failures (Fog, 2008, equation 10)."""
    a = odds - 1
    b = -((mine + errors + 2) * odds + theirs - errors)
    c = (mine + 1) * (errors + 1) * odds
    root = math.sqrt(max(b * b - 4 * a * c, 0.0))
    return int(2 * c / (-b + root))


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)


def _log_add(first: float, second: float) -> float:
    return max(first, second) + math.log1p(math.exp(-abs(first - second)))


def _log_sum(logs: Iterator[float]) -> float:
    several = list(logs)
    most = max(several)
    return most + math.log(math.fsum(math.exp(one - most) for one in several))


def _rate(errors: int, requests: int) -> float:
    return errors / requests if requests else 0.0
