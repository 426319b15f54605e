"""``python -m tests.hostile``: a table of what went wrong, then one line of JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from tests.hostile import doors
from tests.hostile.doors import Tried
from tests.hostile.inputs import FILES, rows


def everything(only: str = "") -> list[Tried]:
    """Bring every input, or those in whose name ``only`` is, to its doors."""
    tried = [doors.row(one) for one in rows() if only in one.name]
    files = {f"file: {name}": content for name, content in FILES.items()}
    return tried + [doors.file(name, *content) for name, content in files.items() if only in name]


def figures(tried: Sequence[Tried]) -> dict[str, int]:
    """Count what went wrong."""
    return {
        "inputs": len(tried),
        "undecided": sum(one.undecided for one in tried),
        "unclear": sum(one.unclear for one in tried),
        "crashes": sum(one.crashed for one in tried),
        "disagreements": sum(one.disputed for one in tried),
    }


def main() -> int:
    """Try, print, and fail when anything went wrong."""
    parser = argparse.ArgumentParser(
        prog="make hostile", description="Bring hostile and odd inputs to every door."
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="those in whose name this is")
    tried = everything(parser.parse_args().only)
    kinds = {"undecided": "undecided", "unclear": "unclear", "crashed": "crash", "disputed": "disagreement"}
    for kind, word in kinds.items():
        for one in tried:
            if getattr(one, kind):
                sys.stdout.write(f"{word}: {one.name}\n{one.said()}\n")
    found = figures(tried)
    sys.stdout.write(json.dumps(found) + "\n")
    return int(any(count for name, count in found.items() if name != "inputs"))


if __name__ == "__main__":
    sys.exit(main())
