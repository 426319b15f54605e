"""``python -m tests.hostile``: prints a table of the failures, then one line of JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from tests.hostile import doors, inputs
from tests.hostile.inputs import Input
from tests.hostile.limits import Limited, OverrunError
from tests.hostile.verdicts import Reason, Tried, Verdict

Ask = Callable[[tuple[str, Input]], Verdict]
WORDS = {"undecided": "undecided", "unclear": "unclear", "crashed": "crash", "disputed": "disagreement"}


def bring(given: Input, ask: Ask) -> Tried:
    """Send an input to its doors; a door that exceeds its limits counts as undecided."""
    verdicts = {}
    for door in given.doors:
        try:
            verdicts[door] = ask((door, given))
        except OverrunError as error:
            verdicts[door] = Verdict(None, reasons=(Reason(str(error)),))
    return Tried(given.name, verdicts)


def figures(tried: Sequence[Tried]) -> dict[str, int]:
    """Count the kinds of failures."""
    return {
        "inputs": len(tried),
        "undecided": sum(one.undecided for one in tried),
        "unclear": sum(one.unclear for one in tried),
        "crashes": sum(one.crashed for one in tried),
        "disagreements": sum(one.disputed for one in tried),
    }


def table(tried: Sequence[Tried]) -> str:
    """Return a line for each door: number of inputs, accepted, refused, undecided."""
    counts = Counter((door, one.taken) for each in tried for door, one in each.verdicts.items())
    lines = [f"{'door':<10} {'inputs':>7} {'taken':>7} {'refused':>8} {'undecided':>10}"]
    for door in dict.fromkeys(door for door, _ in counts):
        taken, refused, undecided = (counts[door, word] for word in (True, False, None))
        lines.append(f"{door:<10} {taken + refused + undecided:>7} {taken:>7} {refused:>8} {undecided:>10}")
    return "\n".join(lines)


def main() -> int:
    """Try all inputs and print the results; return 1 when anything failed."""
    parser = argparse.ArgumentParser(
        prog="make hostile", description="Bring hostile and odd inputs to every door."
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="those in whose name this is")
    only = parser.parse_args().only
    with Limited[tuple[str, Input], Verdict](doors.asking) as ask:
        tried = [bring(one, ask) for one in inputs.everything() if only in one.name]
    for kind, word in WORDS.items():
        for one in tried:
            if getattr(one, kind):
                sys.stdout.write(f"{word}: {one.name}\n{one.said()}\n")
    found = figures(tried)
    sys.stdout.write(f"{table(tried)}\n{json.dumps(found)}\n")
    return int(any(count for name, count in found.items() if name != "inputs"))


if __name__ == "__main__":
    sys.exit(main())
