"""Read the command line that all benches have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def read(about: str | None, *, stage: bool = False, parts: Sequence[str] = ()) -> argparse.Namespace:
    """Read the command line of a bench.

    Parameters
    ----------
    about
        Docstring of the bench; ``--help`` shows its first line.
    stage
        Whether the bench sends requests to a laptop cloud.
    parts
        Names of its parts, if it has parts that can be measured alone.

    Returns
    -------
    argparse.Namespace
        ``small``; with ``stage`` also ``stage``, a path or None; with ``parts`` also ``only``, one of them or None.
    """
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument(
        "--small",
        action="store_true",
        help="show in seconds that it runs; the figures of such a run mean nothing",
    )
    if stage:
        parser.add_argument(
            "--stage",
            type=Path,
            metavar="FILE",
            help="ask the laptop cloud that FILE describes (`python -m local --info FILE`), instead of one of its own",
        )
    if parts:
        parser.add_argument("--only", choices=parts, help="measure one part")
    return parser.parse_args()
