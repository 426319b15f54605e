"""What of a story's options cannot work, said before anything is deployed; the laptop cloud refuses its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

UPLOAD = Path(__file__).resolve().parent.parent / "examples/iris/more_measurements.csv"
"""What the story uploads when no file is named."""


def refusals(app: Path, models: Sequence[str], upload: Path | None) -> list[str]:
    """Say what of a story cannot work; nothing when all can.

    Parameters
    ----------
    app
        The synthesised CDK app that will be deployed. When it holds no models, models and files are not compared with them.
    models
        The models that the story is about.
    upload
        The file that it uploads; None stands for `UPLOAD`.
    """
    known = deployed_models(app)
    return [*_models(models, known), *_upload(upload, known)]


def deployed_models(app: Path) -> set[str]:
    """Name the models of a synthesised app: each has a folder in the container image; none of an app without one."""
    found = app.glob("asset.*/training/models/*/spec.py")
    return {file.parent.name for file in found if not file.parent.name.startswith("_")}


def _models(named: Sequence[str], known: set[str]) -> Iterator[str]:
    if known and (unknown := [name for name in named if name not in known]):
        yield f"--models: {', '.join(map(repr, unknown))} unknown; allowed: {', '.join(sorted(known))}"


def _upload(given: Path | None, known: set[str]) -> Iterator[str]:
    upload = given or UPLOAD
    if not upload.is_file():
        yield f"--upload: there is no file {upload}; choose another"
    elif not os.access(upload, os.R_OK):
        yield f"--upload: {upload} cannot be read: permission denied"
    elif given is not None and known and upload.resolve().parent.name not in known:
        yield (
            f"--upload: {upload} lies in no folder called as a model; allowed: one in a folder called "
            f"{', '.join(sorted(known))}"
        )
