"""What cannot work is said before anything is deployed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST_PORT, _ACCOUNT_DIGITS = 65_535, 12


def refusals(chosen: argparse.Namespace, default_upload: Path) -> list[str]:
    """Say what of a command line cannot work; nothing when all can.

    Parameters
    ----------
    chosen : argparse.Namespace
        The command line, see ``local.__main__``.
    default_upload : Path
        What the story uploads when no file is named.
    """
    return [*_places(chosen), *_addresses(chosen), *(_story(chosen, default_upload) if chosen.story else ())]


def models(assembly: Path) -> set[str]:
    """Name the models of an assembly: each has a folder in the container image; none of an app without one."""
    found = assembly.glob("asset.*/training/models/*/spec.py")
    return {file.parent.name for file in found if not file.parent.name.startswith("_")}


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


def _story(chosen: argparse.Namespace, default_upload: Path) -> Iterator[str]:
    named, known = [name for name in chosen.models.split(",") if name], models(chosen.app)
    if known and (unknown := [name for name in named if name not in known]):
        yield f"--models: {', '.join(map(repr, unknown))} unknown; allowed: {', '.join(sorted(known))}"
    upload = chosen.upload or default_upload
    if not upload.is_file():
        yield f"--upload: there is no file {upload}; choose another"
    elif not os.access(upload, os.R_OK):
        yield f"--upload: {upload} cannot be read: permission denied"
    elif chosen.upload is not None and known and upload.resolve().parent.name not in known:
        yield (
            f"--upload: {upload} lies in no folder called as a model; allowed: one in a folder called "
            f"{', '.join(sorted(known))}"
        )


def _unwritable(folder: Path) -> str:
    """Say why files cannot be made in a folder, or it cannot be made; empty when they can."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        return f"{place} is not a folder"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} is not writable"
