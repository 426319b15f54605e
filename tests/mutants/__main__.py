"""``python -m tests.mutants --mutants 400``: a table of the survivors, then one line of JSON."""

from __future__ import annotations

import argparse
import sys

from tests.mutants.sample import AIM, table, tried


def main() -> int:
    """Try mutants, print, and fail when fewer are noticed than must be."""
    parser = argparse.ArgumentParser(
        prog="make mutants", description="Change the domain, and see who notices."
    )
    parser.add_argument("--mutants", type=int, default=400, help="how many, drawn from all (default: 400)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: 1)")
    parser.add_argument("--processes", type=int, default=2, help="how many are tried at once (default: 2)")
    asked = parser.parse_args()
    found = tried(asked.mutants, asked.seed, asked.processes)
    sys.stdout.write(table(found))
    sys.stdout.write(found.line() + "\n")
    return int(found.share < AIM)


if __name__ == "__main__":
    sys.exit(main())
