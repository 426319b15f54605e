"""Checks of a story's options before anything is deployed; the laptop cloud checks its own options."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

UPLOAD = Path(__file__).resolve().parent.parent / "examples/diabetes/more_patients.csv"
"""The file that the story uploads by default."""


def refusals(app: Path, models: Sequence[str], upload: Path | None) -> list[str]:
    """Return the reasons why a story cannot work; empty when it can.

    Parameters
    ----------
    app
        The synthesised CDK app that will be deployed. If it holds no models, models and files are not checked
        against it.
    models
        Names of the models in the story; empty stands for all.
    upload
        The file to upload; None stands for `UPLOAD`.
    """
    known = deployed_models(app)
    return [*_models(models, known), *_upload(upload, known)]


def deployed_models(app: Path) -> set[str]:
    """Return the names of the models in a synthesised app's container image; empty when it has no image."""
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
