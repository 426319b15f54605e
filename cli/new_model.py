"""``relearn new-model``: a folder to fill, made from the template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import done, out
from training import scaffold
from training.catalog import MODELS_DIR


def new_model(
    name: Annotated[
        str, typer.Argument(help="Lower-case letters, digits and hyphens; at most 20 characters.")
    ],
    models_dir: Annotated[
        Path, typer.Option(help="Where the model folders are.", exists=True, file_okay=False)
    ] = MODELS_DIR,
) -> None:
    """Make the folder of a new model."""
    folder = scaffold.new_model(name, models_dir)
    done(f"{folder} is there, and is a model that trains already")
    for file, job in (
        ("spec.py", "the columns, the target, the metric and its minimum"),
        ("model.py", "the estimator"),
        ("seed.csv", "the first data"),
        ("sample.json", "instances it must be able to answer"),
    ):
        out.print(f"  {file:12} {job}", markup=False)
    out.print("Then: make test, and make deploy.", markup=False)
