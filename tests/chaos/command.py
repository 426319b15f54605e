"""Cut every side effect, run many seeds in two processes, try every mutant, and report the result.

Prints tables for people, and one JSON object as the last line. Exits with 1 when an invariant is violated, a
class of faults occurs too seldom, or a mutant is not caught.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from threading import Thread

from tests.chaos import cuts, seeds
from tests.chaos.faults import CLASSES, GROUPS
from tests.chaos.mutants import MUTANTS, caught_by
from tests.chaos.seeds import Outcome

PROCESSES = 2
LEAST = 5
"""Minimum number of occurrences of each class of faults."""
SHOWN = 20
"""Number of side effects between two lines of progress."""
MOST_ROUNDS = 12
"""Maximum number of rounds of extra seeds for classes that occurred too seldom."""


def main() -> int:
    """Run everything and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="how many runs, at least")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=end_with_parent) as pool:
        caught = {pool.submit(hunt, number): number for number in range(len(MUTANTS))}
        short = every_cut(pool)
        total = everything(pool, asked.runs, asked.seed)
        mutants = {caught[future]: future.result() for future in as_completed(caught)}
    return tell(total, short, mutants, time.monotonic() - began)


def end_with_parent() -> None:
    """Make this process exit when the command does, however it ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "is called in the pool's processes"

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def hunt(number: int) -> tuple[list[str], list[str]]:
    """Return the violations of a mutant's story, without and with the mutant."""
    mutant = MUTANTS[number]
    return caught_by(None, mutant.story), caught_by(mutant, mutant.story)


def every_cut(pool: ProcessPoolExecutor) -> Outcome:
    """Cut every side effect in every way."""
    total = Outcome(0)
    effects = pool.submit(cuts.effects).result()
    wave = [pool.submit(cuts.cut, effect) for effect in effects]
    for done, future in enumerate(as_completed(wave), start=1):
        outcome = future.result()
        _add(total, outcome)
        if outcome.found:
            print(outcome.story, flush=True)
        if outcome.found or not done % SHOWN or done == len(wave):
            said = f"{len(total.found)} VIOLATIONS" if total.found else "all well"
            print(f"{done} of {len(wave)} side effects cut in each way, {said}", flush=True)
    return total


def everything(pool: ProcessPoolExecutor, runs: int, first: int) -> Outcome:
    """Do the runs, and more until every class of faults has occurred often enough."""
    total = Outcome(first)
    count = -(-runs // seeds.RUNS)
    wave = [pool.submit(seeds.run, seed) for seed in range(first, first + count)]
    for outcome in _shown(wave, total, runs):
        _add(total, outcome)
    number = first + count
    for _ in range(MOST_ROUNDS):
        lacking = [name for name in CLASSES if total.hits[name] < LEAST]
        if not lacking or total.found:
            break
        wave = [
            pool.submit(seeds.run, number + at, focus=tuple(lacking[at::PROCESSES] or lacking))
            for at in range(PROCESSES)
        ]
        number += PROCESSES
        for outcome in _shown(wave, total, runs):
            _add(total, outcome)
    return total


def _shown(wave: list[Future[Outcome]], total: Outcome, runs: int) -> Iterator[Outcome]:
    for future in as_completed(wave):
        outcome = future.result()
        yield outcome
        met = sum(total.hits[name] >= LEAST for name in CLASSES)
        said = f"{len(outcome.found)} VIOLATIONS" if outcome.found else "well"
        print(
            f"seed {outcome.seed}: {outcome.runs} runs ended {said}; in all {total.runs} of {runs} runs, "
            f"{sum(total.hits.values())} faults, {met} of {len(CLASSES)} classes met",
            flush=True,
        )
        if outcome.found:
            print(outcome.story, flush=True)


def _add(total: Outcome, outcome: Outcome) -> None:
    total.runs += outcome.runs
    total.hits.update(outcome.hits)
    total.found += outcome.found


def tell(
    total: Outcome, short: Outcome, mutants: dict[int, tuple[list[str], list[str]]], seconds: float
) -> int:
    """Print the tables and the last line; return the exit code."""
    for group, names in GROUPS.items():
        print(f"\n{group}")
        for name in names:
            print(f"  {name:32} {total.hits[name]:5}{'' if total.hits[name] >= LEAST else '  too seldom'}")
    print("\nmutant, and the invariants that caught it")
    for number in sorted(mutants):
        clean, broken = mutants[number]
        word = ", ".join(broken) or "NOT CAUGHT"
        print(f"  {MUTANTS[number].what:58} {word}{f'  BUT ALSO WITHOUT IT: {clean}' if clean else ''}")
    met = Counter(total.hits[name] >= LEAST for name in CLASSES)[True]
    figures = {
        "runs": total.runs,
        "cuts": short.runs,
        "faults": sum(total.hits.values()) + sum(short.hits.values()),
        "classes_hit": met,
        "classes": len(CLASSES),
        "violations": len(total.found) + len(short.found),
        "mutants": len(MUTANTS),
        "mutants_caught": sum(bool(broken) and not clean for clean, broken in mutants.values()),
        "seconds": round(seconds),
    }
    print(json.dumps(figures))
    good = not figures["violations"] and met == len(CLASSES) and figures["mutants_caught"] == len(MUTANTS)
    return 0 if good else 1
