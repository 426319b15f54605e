"""Rollouts of simulated candidates, judged by the real rule and by the one that it replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from relearn.spec.rollout import Canary, Limits
from relearn.traffic import answer_shift, canary, evidence, latency, version_stats
from relearn.traffic.canary import Baseline
from relearn.traffic.evidence import Counts, Evidence
from relearn.traffic.pairs import Predicted
from relearn.traffic.rollout_evidence import RolloutEvidence, counts
from relearn.traffic.version_stats import Live

SEED = 20261201
BASES = (0.0, 0.002, 0.01, 0.02, 0.05)
"""Error rates of the champion."""
COLDS = (0.0, 0.05, 0.1)
"""Shares of the candidate's requests that start a process."""
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

    rollouts: int = 1000


SMALL = Size(rollouts=8)


def measured(small: bool) -> tuple[Figures, bool]:  # noqa: FBT001 - one of the functions of `bench.live.PARTS`
    """Print the tables; return the figures, and whether they meet the aims."""
    size = SMALL if small else Size()
    old = replaced(size)
    false = false_alarms(size)
    power = powers(size)
    figures = {"false_withdrawals": false, **power, **slow_found(size), **answers(size), **old}
    meets = (
        false <= ALPHA
        and figures["answers_false_withdrawals"] <= ALPHA
        and figures["found_5pct_300"] >= 0.6
        and figures["found_10pct_300"] >= 0.95
        and figures["shadow_0pct_passes"] == 0
    )
    return figures, meets


# the rule in force


def false_alarms(size: Size) -> float:
    """Print, and return the largest of, the shares of equally good candidates that are withdrawn in a whole rollout."""
    print(
        "withdrawn though as good as the champion; cold starts of the candidate, a tenth of them of the champion:"
    )
    print("    both fail at  " + "  ".join(f"{cold:>6.0%}" for cold in COLDS) + "  0%, failures in bursts")
    worst = 0.0
    for base in BASES:
        shares = []
        for cold, bursts in (*((cold, False) for cold in COLDS), (0.0, True)):
            generator = np.random.default_rng([SEED, round(1000 * base), round(1000 * cold), bursts])
            case = Case(base, cold=cold, bursts=bursts)
            shares.append(share(rollout(generator, case) is not None for _ in range(size.rollouts)))
        worst = max(worst, *shares)
        print(f"    {base:>12.1%}  " + "  ".join(f"{one:>6.2%}" for one in shares), flush=True)
    return worst


def slow_found(size: Size) -> Figures:
    """Print and return how often a slow candidate is withdrawn in a whole rollout, whose limit is half as long again."""
    figures: dict[str, float] = {}
    for name, slower in (("found_slow_2", 2.0), ("found_slow_3", 3.0), ("withdrawn_slow_1_3", 1.3)):
        generator = np.random.default_rng([SEED, round(10 * slower), 5])
        case = Case(0.01, cold=0.05, slower=slower)
        figures[name] = share(rollout(generator, case) is not None for _ in range(size.rollouts // 4))
        print(f"takes {slower} times as long: withdrawn {figures[name]:.1%}", flush=True)
    return figures


def answers(size: Size) -> Figures:
    """Print and return how often the answers of a shadow and of a canary are found to differ."""
    figures: dict[str, float] = {}
    worst = 0.0
    print("withdrawn for its answers; requests of the candidate                  50     100     300")
    for name, shift in (("false", 0.0), ("", 0.2), ("shift_found_300", 0.3), ("", 0.4)):
        shares = [share(moved(size, shift, requests)) for requests in (50, 100, 300)]
        figures |= {name: shares[-1]} if name.startswith("shift") else {}
        worst = max(worst, *shares) if name == "false" else worst
        row = "  ".join(f"{one:>6.1%}" for one in shares)
        print(f"    a canary's labels, of five, shifted by {shift:.1f} {'':>10}{row}", flush=True)
    for name, more in (("false", 0.0), ("", 0.2), ("flips_found_300", 0.3), ("", 0.9)):
        shares = [share(flipped(size, 0.1, 0.1 + more, requests)) for requests in (50, 100, 300)]
        figures |= {name: shares[-1]} if name.startswith("flips") else {}
        worst = max(worst, *shares) if name == "false" else worst
        row = "  ".join(f"{one:>6.1%}" for one in shares)
        print(f"    a shadow's labels, {0.1 + more:>4.0%} flips where 10% are predicted {row}", flush=True)
    strangers = [share(flipped(size, usual, 1.0, 200)) for usual in (0.0, 0.1, 0.5, 0.9, None)]
    return figures | {"answers_false_withdrawals": worst, "shadow_0pct_passes": round(1 - min(strangers), 4)}


def moved(size: Size, shift: float, requests: int) -> Iterator[bool]:
    """Yield whether a candidate is withdrawn whose answers, of five labels, are shifted from the champion's."""
    generator = np.random.default_rng([SEED, round(100 * shift), requests, 11])
    usual, other = np.full(5, 0.2), np.array([0.2 + shift, *[0.2 - shift / 4] * 4])
    for _ in range(size.rollouts):
        told = [
            Live(
                requests=count,
                answers={str(at): int(n) for at, n in enumerate(generator.multinomial(count, shares))},
            )
            for count, shares in ((requests, other), (9 * requests, usual))
        ]
        yield canary.judge_answers(told[0], told[1], LIMITS, Baseline(), 2) is not None


def flipped(size: Size, usual: float | None, flips: float, requests: int) -> Iterator[bool]:
    """Yield whether a shadow is withdrawn that flips, where 300 held-out rows predict another share of flips, or none."""
    generator = np.random.default_rng([SEED, round(100 * (usual or 0.0)), round(100 * flips), requests, 12])
    for _ in range(size.rollouts):
        labels = np.array([requests // 2, requests - requests // 2])
        found, known = generator.binomial(labels, flips), generator.binomial(150, usual or 0.0, 2)
        mine = Live(
            requests=requests,
            answers={"a": int(labels[0]), "b": int(labels[1])},
            compared=requests,
            equal=requests - int(found.sum()),
            pairs={"a": int(labels[0]), "b": int(labels[1])},
            flips={"a": int(found[0]), "b": int(found[1])},
        )
        classes = {label: (150, int(n)) for label, n in zip("ab", known, strict=True)}
        predicted = None if usual is None else Predicted(300, int(known.sum()), classes)
        baseline = Baseline(predicted=predicted)
        yield canary.judge_answers(mine, replace(mine, compared=0), LIMITS, baseline, 2) is not None


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
    case = Case(0.002, 0.028)
    whole = share(rollout(generator, case) is not None for _ in range(size.rollouts // 4))
    print(f"0.2 against 3 %, found in a whole rollout: {whole:.1%}")
    return {
        "found_5pct_300": found[10, 0.05, 0.01],
        "found_10pct_300": found[10, 0.1, 0.01],
        "found_3pct_50": whole,
    }


@dataclass(frozen=True)
class Case:
    """What is true of a candidate and the champion.

    Parameters
    ----------
    base, more
        Share of requests at which any version fails, and at which the candidate fails beside.
    cold
        Share of the candidate's requests that start a process; a tenth of it of the champion's.
    slower
        How many times as long as the champion the candidate takes.
    bursts
        Whether every fifth minute has five times the failures of the base rate, and the others none.
    """

    base: float
    more: float = 0.0
    cold: float = 0.0
    slower: float = 1.0
    bursts: bool = False

    def rate(self, look: int) -> float:
        """Return the share of requests at which any version fails before a look."""
        return min(1.0, 5 * self.base) * (look % 5 == 2) if self.bursts else self.base


def rollout(generator: np.random.Generator, case: Case) -> str | None:
    """Simulate a whole rollout by the default plan; return why the candidate is withdrawn, or None."""
    plan = Canary()
    seen = RolloutEvidence.of(len(plan.steps))
    for number, weight in enumerate(plan.steps):
        seen, told = seen.in_step(str(number)), (Live(), Live())
        for look in range(1, LONGER + 1):
            candidate = int(generator.binomial(A_LOOK, weight / 100))
            told = added(told, asked(generator, (candidate, A_LOOK - candidate), case, case.rate(look)))
            seen = seen.look(*told, LIMITS)
            if look < LOOKS:
                if (why := canary.fails(*told, LIMITS, seen)) is not None:
                    return why
                continue
            found = canary.judge(*told, LIMITS, Baseline(), seen)
            if found.verdict == "harmful":
                return found.reason
            if found.verdict == "healthy":
                break
        else:
            told = (Live(), Live())
            for _ in range(LIMITS.requests):  # probes, of versions that are warm
                pair = asked(generator, (1, 1), replace(case, cold=0.0), case.base)
                seen, told = seen.beside(*pair, LIMITS), added(told, pair)
                if (why := canary.fails(*told, LIMITS, seen)) is not None:
                    return why
            found = canary.judge(*told, LIMITS, Baseline(), seen)
            if found.verdict == "harmful":
                return found.reason
    return None


def first_found(generator: np.random.Generator, base: float, more: float, weight: int) -> float:
    """Return after how many of its requests, at most 300, a candidate is withdrawn in the first of two steps; infinity if not."""
    errors = Evidence(steps=2).in_step("0")
    seen, told = RolloutEvidence.of(2), (Live(), Live())
    requests = 10, round(10 * (100 - weight) / weight)
    while told[0].requests < 300:
        failed = (generator.binomial(requests[0], both(base, more)), generator.binomial(requests[1], base))
        pair = tuple(Live(requests=n, errors=int(k)) for n, k in zip(requests, failed, strict=True))
        told = added(told, (pair[0], pair[1]))
        errors = errors.look(counts(*told))
        if canary.fails(*told, LIMITS, replace(seen, errors=errors)) is not None:
            return told[0].requests
    return float("inf")


def asked(generator: np.random.Generator, requests: tuple[int, int], case: Case, rate: float) -> Told:
    """Return the counts of both versions' requests until the next look."""
    candidate = versions(generator, requests[0], both(rate, case.more), case.cold, case.slower)
    return candidate, versions(generator, requests[1], rate, case.cold / 10, 1.0)


def versions(generator: np.random.Generator, requests: int, rate: float, cold: float, slower: float) -> Live:
    """Return the counts of a version that takes about 40 ms, and its callers 30 ms more, or 3 s for a cold start."""
    errors = int(generator.binomial(requests, rate))
    starts = int(generator.binomial(requests - errors, cold))
    own = slower * generator.lognormal(np.log(40), 0.4, requests - errors - starts)
    waited = own + generator.lognormal(np.log(30), 0.5, len(own))
    return Live(
        requests=requests,
        errors=errors,
        cold=starts,
        cold_seconds=3.0 * starts,
        latency=buckets(own),
        waits=buckets(waited),
    )


def buckets(milliseconds: np.ndarray[Any, np.dtype[np.float64]]) -> dict[int, int]:
    """Return the number of times in each bucket."""
    places, times = np.unique(np.searchsorted(version_stats.BOUNDS_MS, milliseconds), return_counts=True)
    return dict(zip(places.tolist(), times.tolist(), strict=True))


def added(told: Told, more: Told) -> Told:
    """Return the sums of the counts of both versions."""
    return version_stats.add(told[0], more[0]), version_stats.add(told[1], more[1])


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
    return candidate.p95_ms > max(champion.p95_ms * LIMITS.latency_ratio, champion.p95_ms + latency.SLACK_MS)


def latencies(generator: np.random.Generator, requests: int, cold: float) -> Live:
    """Return the counts of requests that take about 20 ms, and with a share of them 3 s more."""
    took = generator.lognormal(np.log(20), 0.3, requests) + 3000 * (generator.random(requests) < cold)
    return Live(requests=requests, latency=buckets(took))


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
