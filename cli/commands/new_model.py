"""``relearn new-model``: create a model's folder from the template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.terminal.output import done, out
from training import scaffold
from training.catalog import MODELS_DIR

SPEC, MODEL = (
    ("spec.py", "the columns, the target, the metric and its minimum"),
    ("model.py", "the estimator"),
)
SAMPLE = ("sample.json", "instances it must be able to answer")
FILES = (SPEC, MODEL, ("seed.csv", "the first data"), SAMPLE)
FILES_WITH_TABLES = (
    ("spec.py", "the raw tables, the columns made of them, the target, the metric and its minimum"),
    ("features.py", "how the columns are made of the tables"),
    MODEL,
    ("seed/", "the first data of each table"),
    SAMPLE,
    ("tests/", "what each feature is, on a few rows"),
)


def new_model(
    name: Annotated[
        str, typer.Argument(help="Lower-case letters, digits and hyphens; at most 20 characters.")
    ],
    *,
    tables: Annotated[
        bool, typer.Option("--tables", help="Its columns are made of several raw tables.")
    ] = False,
    models_dir: Annotated[
        Path, typer.Option(help="Where the model folders are.", exists=True, file_okay=False)
    ] = MODELS_DIR,
) -> None:
    """Create the folder of a new model."""
    folder = scaffold.new_model(name, models_dir, tables=tables)
    done(f"{folder} is there, and is a model that trains already")
    for file, job in FILES_WITH_TABLES if tables else FILES:
        out.print(f"  {file:12} {job}")
    out.print(
        f"Then: .venv/bin/python -m pytest tests/models -k {name}, make openapi, and make run or make deploy."
    )
