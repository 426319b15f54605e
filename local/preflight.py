"""Checks of the command line before anything is deployed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST_PORT, _ACCOUNT_DIGITS = 65_535, 12


def refusals(chosen: argparse.Namespace) -> list[str]:
    """Return the reasons why a command line cannot work; empty when it can.

    Parameters
    ----------
    chosen : argparse.Namespace
        The parsed command line of ``local.__main__``.
    """
    return [*_places(chosen), *_addresses(chosen)]


def _places(chosen: argparse.Namespace) -> Iterator[str]:
    if not (chosen.app / "manifest.json").exists():
        yield f"--app: {chosen.app} is not a synthesised CDK app: it has no manifest.json; run cdk synth first"
    if chosen.keep is not None and (reason := _unwritable(chosen.keep)):
        yield f"--keep: {chosen.keep} cannot be kept in: {reason}"
    if reason := _unwritable(chosen.info.parent):
        yield f"--info: {chosen.info} cannot be written: {reason}"
    elif chosen.info.is_dir():
        yield f"--info: {chosen.info} is a folder; allowed: the name of a file"


def _addresses(chosen: argparse.Namespace) -> Iterator[str]:
    for option, port in (("--port", chosen.port), ("--api-port", chosen.api_port)):
        if not 0 <= port <= _LARGEST_PORT:
            yield f"{option}: got {port}; allowed: 1 to {_LARGEST_PORT}, or 0 for a free one"
    if chosen.port and chosen.port == chosen.api_port:
        yield f"--api-port: got {chosen.api_port}, which is --port too; allowed: another one"
    if not (chosen.account.isdigit() and len(chosen.account) == _ACCOUNT_DIGITS):
        yield f"--account: got {chosen.account!r}; allowed: {_ACCOUNT_DIGITS} digits"


def _unwritable(folder: Path) -> str:
    """Return why files cannot be created in a folder, or the folder itself; empty when they can."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        return f"{place} is not a folder"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} is not writable"
