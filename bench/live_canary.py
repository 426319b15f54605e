"""Rollouts of simulated candidates, judged by the real rule and by the one that it replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from relearn.spec.rollout import Canary, Limits
from relearn.traffic import answer_shift, canary, evidence, version_stats
from relearn.traffic.evidence import Counts, Evidence
from relearn.traffic.version_stats import Live

SEED = 20261201
BASES = (0.0, 0.002, 0.01, 0.02, 0.05)
"""Error rates of the champion."""
MORE = (0.02, 0.05, 0.1, 0.3)
"""Shares of requests that fail at the candidate beside."""
LIMITS = Limits()
LOOKS = 5
"""Looks at a step."""
LONGER = 3 * LOOKS
"""Looks at a step in which too little was seen."""
A_LOOK = 150
"""Requests between two looks, of both versions together."""
ALPHA = 0.01
Figures = Mapping[str, float]
Told = tuple[Live, Live]
"""Counts of candidate and champion."""

evidence.log_ratios = lru_cache(2**18)(evidence.log_ratios)  # blocks are small, and come again and again


@dataclass(frozen=True)
class Size:
    """Number of rollouts in a cell of a table."""

    rollouts: int = 4000


SMALL = Size(rollouts=20)


def measured(small: bool) -> tuple[Figures, bool]:  # noqa: FBT001 - one of the functions of `bench.live.PARTS`
    """Print the tables; return the figures, and whether they meet the aims."""
    size = SMALL if small else Size()
    old = replaced(size)
    false = false_alarms(size)
    power = powers(size)
    figures = {"false_withdrawals": false, **power, **old}
    meets = false <= ALPHA and power["found_5pct_300"] >= 0.6 and power["found_10pct_300"] >= 0.95
    return figures, meets


# the rule in force


def false_alarms(size: Size) -> float:
    """Print, and return the largest of, the shares of equally good candidates that are withdrawn in a whole rollout."""
    print("withdrawn though as good as the champion; both fail at    always alike    in bursts")
    worst = 0.0
    for base in BASES:
        shares = []
        for bursts in (False, True):
            generator = np.random.default_rng([SEED, round(1000 * base), bursts])
            ends = [rollout(generator, base, 0.0, bursts=bursts) for _ in range(size.rollouts)]
            shares.append(share(end is not None for end in ends))
        worst = max(worst, *shares)
        print(f"{base:>56.1%}    {shares[0]:>10.2%}    {shares[1]:>9.2%}", flush=True)
    return worst


def powers(size: Size) -> Figures:
    """Print how often a fault is found, and return the figures that have an aim."""
    print(
        "found within 300 requests of the candidate; the champion fails at  "
        + "  ".join(f"{one:>6.1%}" for one in BASES)
    )
    found: dict[tuple[int, float, float], float] = {}
    for weight in (10, 50):
        for more in MORE:
            for base in BASES:
                generator = np.random.default_rng([SEED, weight, round(1000 * base), round(1000 * more)])
                found[weight, more, base] = share(
                    first_found(generator, base, more, weight) <= 300 for _ in range(size.rollouts // 2)
                )
            row = "  ".join(f"{found[weight, more, base]:>6.1%}" for base in BASES)
            print(f"    {more:>4.0%} more fail, at {weight} % of the requests {'':>25}{row}", flush=True)
    generator = np.random.default_rng([SEED, 3])
    ends = [rollout(generator, 0.002, 0.028) for _ in range(size.rollouts // 4)]
    whole = share(end is not None for end in ends)
    print(f"0.2 against 3 %, found in a whole rollout: {whole:.1%}")
    return {
        "found_5pct_300": found[10, 0.05, 0.01],
        "found_10pct_300": found[10, 0.1, 0.01],
        "found_3pct_50": whole,
    }


def rollout(generator: np.random.Generator, base: float, more: float, *, bursts: bool = False) -> str | None:
    """Simulate a whole rollout by the default plan; return why the candidate is withdrawn, or None.

    With bursts, every fifth minute has five times the errors of the base rate, and the others none.
    """
    plan = Canary()
    seen = Evidence(steps=len(plan.steps))
    for number, weight in enumerate(plan.steps):
        seen, told = seen.in_step(str(number)), (Live(), Live())
        for look in range(1, LONGER + 1):
            rate = base if not bursts else min(1.0, 5 * base) * (look % 5 == 2)
            candidate = int(generator.binomial(A_LOOK, weight / 100))
            told = asked(generator, (candidate, A_LOOK - candidate), (both(rate, more), rate), told)
            seen = seen.look(canary.counts(*told))
            if look < LOOKS:
                if (why := canary.fails(*told, LIMITS, seen)) is not None:
                    return why
                continue
            found = canary.judge(*told, LIMITS, {}, seen)
            if found.verdict == "harmful":
                return found.reason
            if found.verdict == "healthy":
                break
        else:
            told = (Live(), Live())
            for _ in range(LIMITS.requests):  # probes
                told, before = asked(generator, (1, 1), (both(base, more), base), told), canary.counts(*told)
                seen = seen.beside(canary.counts(*told).since(before))
                if (why := canary.fails(*told, LIMITS, seen)) is not None:
                    return why
    return None


def first_found(generator: np.random.Generator, base: float, more: float, weight: int) -> float:
    """Return after how many of its requests, at most 300, a candidate is withdrawn in the first of two steps; infinity if not."""
    seen, told = Evidence(steps=2).in_step("0"), (Live(), Live())
    requests = 10, round(10 * (100 - weight) / weight)
    while told[0].requests < 300:
        told = asked(generator, requests, (both(base, more), base), told)
        seen = seen.look(canary.counts(*told))
        if canary.fails(*told, LIMITS, seen) is not None:
            return told[0].requests
    return float("inf")


def asked(
    generator: np.random.Generator, requests: tuple[int, int], rates: tuple[float, float], told: Told
) -> Told:
    """Return the counts after the requests until the next look; all pairs are of candidate and champion."""
    more = (
        Live(requests=count, errors=int(generator.binomial(count, rate)))
        for count, rate in zip(requests, rates, strict=True)
    )
    mine, theirs = (version_stats.add(one, other) for one, other in zip(told, more, strict=True))
    return mine, theirs


def both(base: float, more: float) -> float:
    """Return the error rate of a candidate that fails at a share of the requests, beside those at which any version fails."""
    return 1 - (1 - base) * (1 - more)


def share(cases: Iterator[bool]) -> float:
    """Return the share of cases that are true."""
    several = list(cases)
    return round(sum(several) / len(several), 4)


# the rule that it replaced: every limit is compared with the values at each look


def replaced(size: Size) -> Figures:
    """Print and return how often the replaced rule is wrong."""
    figures: dict[str, float] = {}
    for name, base, rate in (
        ("point_false_errors_1", 0.01, 0.01),
        ("point_false_errors_2", 0.02, 0.02),
        ("point_false_errors_5", 0.05, 0.05),
        ("point_found_3pct", 0.002, 0.03),
    ):
        generator = np.random.default_rng([SEED, round(1000 * base), round(1000 * rate), 7])
        figures[name] = share(five_looks(generator, base, rate) for _ in range(size.rollouts))
        print(
            f"the replaced rule, {base:.1%} against {rate:.1%} errors, five looks: withdrawn {figures[name]:.1%}"
        )
    for name, cold in (("point_false_cold_5", 0.05), ("point_false_cold_8", 0.08)):
        generator = np.random.default_rng([SEED, round(1000 * cold), 8])
        figures[name] = share(slow(generator, cold) for _ in range(size.rollouts))
        print(
            f"the replaced rule, {cold:.0%} of the candidate's requests cold: withdrawn {figures[name]:.1%}"
        )
    generator = np.random.default_rng([SEED, 9])
    figures["point_shift_found"] = share(shifted(generator) for _ in range(size.rollouts))
    print(
        f"the replaced rule, answers shifted by 0.2: withdrawn {figures['point_shift_found']:.1%}", flush=True
    )
    return figures


def five_looks(generator: np.random.Generator, base: float, rate: float) -> bool:
    """Return whether a candidate is withdrawn for its errors within five looks at 10 of its requests each."""
    told = Counts()
    for _ in range(LOOKS):
        told = Counts(
            told.requests + 10,
            told.errors + int(generator.binomial(10, rate)),
            told.champion_requests + 90,
            told.champion_errors + int(generator.binomial(90, base)),
        )
        allowed = told.champion_errors / told.champion_requests + LIMITS.error_rate
        if told.errors > max(1, allowed * max(told.requests, LIMITS.requests)):
            return True
    return False


def slow(generator: np.random.Generator, cold: float) -> bool:
    """Return whether a candidate is withdrawn as slow that takes as long as the champion, and starts more containers."""
    candidate, champion = (
        latencies(generator, count, share) for count, share in ((50, cold), (450, cold / 10))
    )
    return candidate.p95_ms > max(champion.p95_ms * LIMITS.latency_ratio, champion.p95_ms + canary.SLACK_MS)


def latencies(generator: np.random.Generator, requests: int, cold: float) -> Live:
    """Return the counts of requests that take about 20 ms, and with a share of them 3 s more."""
    took = generator.lognormal(np.log(20), 0.3, requests) + 3000 * (generator.random(requests) < cold)
    counts: dict[int, int] = {}
    for one in took.tolist():
        at = version_stats.bucket(one)
        counts[at] = counts.get(at, 0) + 1
    return Live(requests=requests, latency=counts)


def shifted(generator: np.random.Generator) -> bool:
    """Return whether a candidate is withdrawn whose answers, of five labels, are shifted by 0.2 from the champion's."""
    usual, moved = (0.2,) * 5, (0.4, 0.15, 0.15, 0.15, 0.15)
    mine, theirs = (
        Live(
            requests=count,
            answers={str(at): int(n) for at, n in enumerate(generator.multinomial(count, shares)) if n},
        )
        for count, shares in ((50, moved), (450, usual))
    )
    return answer_shift.shifted(mine, theirs, LIMITS, {}) is not None
