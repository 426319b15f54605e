"""Find and load the models: every folder of training/models with a spec.py, without any ML library.

A spec is loaded from its file, so a folder may have any name that a model may have, hyphens included.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from relearn.errors import NotFoundError, RelearnError, SpecError
from relearn.naming import sandbox
from relearn.spec.model import ModelSpec
from relearn.spec.tables import MAIN

MODELS_DIR = Path(__file__).resolve().parent / "models"
"""Folder with one folder per model."""
SANDBOX = "_sandbox"
"""Folder in it with the sandbox models, `relearn.naming.sandbox`."""
SPEC_ALLOWED = "a Python file that sets SPEC to a ModelSpec"


def load(models_dir: Path = MODELS_DIR) -> dict[str, ModelSpec]:
    """Load the spec of every model.

    Parameters
    ----------
    models_dir
        Folder with one folder per model; names that start with ``_`` or ``.`` are skipped.

    Returns
    -------
    dict
        Spec by model name, sorted by name.

    Raises
    ------
    SpecError
        A spec.py is invalid, or a model has the name of a sandbox model; the message names the file.
    """
    found = _load(models_dir)
    for name in sandbox.MODELS:
        if name in found:
            raise SpecError(
                f"{name}/spec.py: name",
                name,
                f"a name other than {', '.join(sandbox.MODELS)}: relearn verify has these",
            )
    return found


def load_sandbox(models_dir: Path = MODELS_DIR) -> dict[str, ModelSpec]:
    """Load the specs of the sandbox models, which ``relearn verify`` tries a stage on, by name."""
    return _load(models_dir / SANDBOX)


def _load(models_dir: Path) -> dict[str, ModelSpec]:
    files = sorted(models_dir.glob("[!_.]*/spec.py"))
    return {path.parent.name: load_spec(path) for path in files}


def get(model: object, models_dir: Path = MODELS_DIR) -> ModelSpec:
    """Load the spec of one model, or of a sandbox model.

    Raises
    ------
    NotFoundError
        There is no such model; the message lists the models.
    SpecError
        Its spec.py is invalid.
    """
    names = sorted(path.parent.name for path in models_dir.glob("[!_.]*/spec.py"))
    if model not in (*names, *sandbox.MODELS):
        raise NotFoundError(f"no model {model!r}; there are: {', '.join(names) or 'none'}")
    return load_spec(folder(str(model), models_dir) / "spec.py")


def load_spec(path: Path) -> ModelSpec:
    """Load the ``SPEC`` of one spec.py.

    Raises
    ------
    SpecError
        The file does not run, does not set ``SPEC`` to a `ModelSpec`, or the spec's name is not its folder's.
    """
    shown = f"{path.parent.name}/{path.name}"
    try:
        spec = getattr(load_module(path), "SPEC", None)
    except SpecError as error:
        raise SpecError(f"{shown}: {error.field}", error.value, error.allowed) from error
    except Exception as error:  # a spec.py is user code and may raise anything
        raise SpecError(shown, f"{type(error).__name__}: {error}", SPEC_ALLOWED) from error
    if not isinstance(spec, ModelSpec):
        raise SpecError(f"{shown}: SPEC", spec, SPEC_ALLOWED)
    if spec.name != path.parent.name:
        raise SpecError(f"{shown}: name", spec.name, f"the name of its folder, {path.parent.name}")
    return spec


def load_module(path: Path) -> ModuleType:
    """Execute one file of a model's folder and return it as a module.

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
    """Return the folder of a model, or of a sandbox model."""
    return models_dir / SANDBOX / model if model in sandbox.MODELS else models_dir / model


def seeds(spec: ModelSpec, models_dir: Path = MODELS_DIR) -> dict[str, Path]:
    """Return the files with the first data of a model, by raw table.

    A sandbox model has none, so that a deployed stage trains it only when it is verified. Else the file is ``seed.csv``, or ``seed/<table>.csv`` for each table that the spec declares.
    """
    if spec.name in sandbox.MODELS:
        return {}
    home = folder(spec.name, models_dir)
    if not spec.tables:
        return {MAIN: home / "seed.csv"}
    return {table: home / "seed" / f"{table}.csv" for table in spec.table_names}


def sample(model: str, models_dir: Path = MODELS_DIR) -> list[dict[str, Any]]:
    """Return the instances of the model's sample.json, which every version must be able to answer."""
    path = folder(model, models_dir) / "sample.json"
    instances: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["instances"]
    return instances
