"""Finds the models: every folder of training/models with a spec.py, without any ML library.

A spec is loaded from its file, so a folder may be named as models are, hyphens included.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from relearn.errors import NotFoundError, RelearnError, SpecError
from relearn.spec.model import ModelSpec
from relearn.spec.tables import MAIN

MODELS_DIR = Path(__file__).resolve().parent / "models"
"""Where the model folders are."""
SPEC_ALLOWED = "a Python file that sets SPEC to a ModelSpec"


def load(models_dir: Path = MODELS_DIR) -> dict[str, ModelSpec]:
    """Load every spec.

    Parameters
    ----------
    models_dir
        The folder with one folder per model; names that start with ``_`` are passed over.

    Returns
    -------
    dict
        Model name to spec, sorted by name.

    Raises
    ------
    SpecError
        A spec.py is broken; the message names the file.
    """
    files = sorted(models_dir.glob("[!_.]*/spec.py"))
    return {path.parent.name: load_spec(path) for path in files}


def get(model: object, models_dir: Path = MODELS_DIR) -> ModelSpec:
    """Load the spec of one model.

    Raises
    ------
    NotFoundError
        There is no such model; the message lists those there are.
    SpecError
        Its spec.py is broken.
    """
    names = sorted(path.parent.name for path in models_dir.glob("[!_.]*/spec.py"))
    if model not in names:
        raise NotFoundError(f"no model {model!r}; there are: {', '.join(names) or 'none'}")
    return load_spec(folder(str(model), models_dir) / "spec.py")


def load_spec(path: Path) -> ModelSpec:
    """Load the ``SPEC`` of one spec.py.

    Raises
    ------
    SpecError
        The file does not run, sets no spec, or one whose name is not its folder's.
    """
    shown = f"{path.parent.name}/{path.name}"
    try:
        spec = getattr(load_module(path), "SPEC", None)
    except SpecError as error:
        raise SpecError(f"{shown}: {error.field}", error.value, error.allowed) from error
    except Exception as error:  # a spec.py is a person's code: whatever it raises is named with its file
        raise SpecError(shown, f"{type(error).__name__}: {error}", SPEC_ALLOWED) from error
    if not isinstance(spec, ModelSpec):
        raise SpecError(f"{shown}: SPEC", spec, SPEC_ALLOWED)
    if spec.name != path.parent.name:
        raise SpecError(f"{shown}: name", spec.name, f"the name of its folder, {path.parent.name}")
    return spec


def load_module(path: Path) -> ModuleType:
    """Run one file of a model's folder as a module.

    Raises
    ------
    RelearnError
        There is no such file.
    """
    if not path.is_file():
        raise RelearnError(f"{path.parent.name}/{path.name} is missing")
    name = f"training.models.{path.parent.name}.{path.stem}"
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None and found.loader is not None  # noqa: PT018, S101 - a .py file has a loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def folder(model: str, models_dir: Path = MODELS_DIR) -> Path:
    """Folder of a model."""
    return models_dir / model


def seeds(spec: ModelSpec, models_dir: Path = MODELS_DIR) -> dict[str, Path]:
    """Give the files with the first data of a model: raw table to file.

    It is ``seed.csv``, or ``seed/<table>.csv`` for each table that the spec declares.
    """
    home = folder(spec.name, models_dir)
    if not spec.tables:
        return {MAIN: home / "seed.csv"}
    return {table: home / "seed" / f"{table}.csv" for table in spec.table_names}


def sample(model: str, models_dir: Path = MODELS_DIR) -> list[dict[str, Any]]:
    """Instances that the model must be able to answer, from its sample.json."""
    path = folder(model, models_dir) / "sample.json"
    instances: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["instances"]
    return instances
