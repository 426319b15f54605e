"""Create the folder of a new model from a template in models/, with the standard library alone."""

from __future__ import annotations

import shutil
from pathlib import Path

from relearn.errors import SpecError
from relearn.naming import sandbox
from relearn.spec.model import MODEL_NAME_PATTERN
from training.catalog import MODELS_DIR

TEMPLATE, TEMPLATE_WITH_TABLES = "_template", "_template_tables"
PLACEHOLDER = "template-model"  # name of the model in the files of a template


def new_model(name: str, models_dir: Path = MODELS_DIR, *, tables: bool = False) -> Path:
    """Copy a template to the folder of a new model.

    Parameters
    ----------
    name
        Name of the new model.
    models_dir
        Folder with one folder per model.
    tables
        Whether the model has several raw tables from which features are computed.

    Returns
    -------
    Path
        The new folder; its model already trains and passes the conformance suite.

    Raises
    ------
    SpecError
        The name is not allowed, or its folder exists.
    """
    if not MODEL_NAME_PATTERN.fullmatch(name):
        allowed = "1 to 20 lower-case letters, digits and single hyphens, starting with a letter"
        raise SpecError("name", name, allowed)
    if name in sandbox.MODELS:
        raise SpecError(
            "name", name, f"a name other than {', '.join(sandbox.MODELS)}: relearn verify has these"
        )
    folder = models_dir / name
    if folder.exists():
        raise SpecError("name", name, f"a name without a folder; {folder} is there already")
    template = models_dir / (TEMPLATE_WITH_TABLES if tables else TEMPLATE)
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in sorted(found for found in folder.rglob("*") if found.is_file()):
        text = path.read_text(encoding="utf-8")
        if PLACEHOLDER in text:
            path.write_text(text.replace(PLACEHOLDER, name), encoding="utf-8")
    for test in sorted(folder.glob("tests/test_*.py")):
        # pytest identifies a test file outside of a package by its name alone: two models must not share one
        test.rename(test.with_name(f"test_{name.replace('-', '_')}_{test.name.removeprefix('test_')}"))
    return folder
