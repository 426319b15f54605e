"""What every bench takes from its command line."""

from __future__ import annotations

import argparse
from pathlib import Path


def read(about: str | None, *, stage: bool = False) -> argparse.Namespace:
    """Read the command line of a bench.

    Parameters
    ----------
    about
        The docstring of the bench; its first line is shown by ``--help``.
    stage
        Whether the bench asks a laptop cloud.

    Returns
    -------
    argparse.Namespace
        ``small``; and ``stage``, a path or None, if the bench asks a laptop cloud.
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
    return parser.parse_args()
