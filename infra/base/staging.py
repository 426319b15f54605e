"""Contents of the Lambda zip and of the image, staged reproducibly under ``build/``.

``python -m infra.base.staging`` stages the image and prints its folder, for whoever builds it.

A staged folder is named after its content and written once. So the same sources give the same asset, a synth
without changes copies nothing, and two concurrent synths do not interfere.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.base import bytecode
from infra.base.functions import RUNTIME
from relearn.errors import ConfigError
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from training import catalog

ROOT = Path(__file__).resolve().parents[2]
STAGED = ROOT / "build" / "staged"
LAYERS = ROOT / "build" / "layers"
NOT_IN_A_LAYER = [".installed", "**/__pycache__"]
LEFT_OUT = frozenset({"__pycache__", "tests", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


def lambda_code(specs: Mapping[str, ModelSpec]) -> Path:
    """Stage the folder of code that all functions share.

    Parameters
    ----------
    specs
        Model name to spec, from `training.catalog.load`. Each model's spec, sample and seed are included as
        data.
    """
    found = dict(files("relearn", "lambdas", "preparation", "scoring", "pages"))
    models = {
        name: {"spec": codec.to_dict(spec), "sample": catalog.sample(name)} for name, spec in specs.items()
    }
    found["lambdas/data/catalog.json"] = codec.canonical_json({"models": models}).encode()
    for name, spec in specs.items():
        for table, seed in catalog.seeds(spec).items():
            found[f"lambdas/data/seeds/{name}/{table}.csv"] = seed.read_bytes()
    return stage("lambda", {**found, **bytecode.of(found, RUNTIME.name)})


def image_context() -> Path:
    """Stage the sources of the training image."""
    return stage("image", dict(files("relearn", "preparation", "scoring", "pages", "training")))


def layer(name: str) -> Path:
    """Return the folder of a layer that `make install` prepared, ``duckdb`` or ``onnx``; it has ``python/``.

    Raises
    ------
    ConfigError
        The folder is missing.
    """
    if not (LAYERS / name / "python").is_dir():
        raise ConfigError(f"build/layers/{name}", "missing", "the Lambda layer that `make install` prepares")
    return LAYERS / name


def seeds_digest(specs: Mapping[str, ModelSpec]) -> str:
    """Return the SHA-256 (hex) of every model's name and seed data."""
    seeds = {
        f"{name}/{table}": hashlib.sha256(seed.read_bytes()).hexdigest()
        for name, spec in specs.items()
        for table, seed in catalog.seeds(spec).items()
    }
    return hashlib.sha256(json.dumps(seeds, sort_keys=True).encode()).hexdigest()


def stage(name: str, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder named after their content, unless it exists.

    Parameters
    ----------
    name
        Prefix of the folder's name.
    files
        Relative path to content.

    Returns
    -------
    Path
        ``build/staged/<name>-<digest>``.
    """
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    target = STAGED / f"{name}-{digest.hexdigest()[:16]}"
    if target.is_dir():
        return target
    STAGED.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=STAGED))
    for path, content in files.items():
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        (draft / path).write_bytes(content)
    try:
        draft.rename(target)
    except OSError:  # another synth was faster, and wrote the same
        shutil.rmtree(draft)
    return target


def files(*parts: str) -> Iterator[tuple[str, bytes]]:
    """Yield the relative path and content of files and whole folders of the repository."""
    for part in parts:
        top = ROOT / part
        if top.is_file():
            yield part, top.read_bytes()
        for folder, folders, inside in os.walk(top):
            folders[:] = sorted(set(folders) - LEFT_OUT)
            for file in inside:
                path = Path(folder, file)
                if path.suffix != ".pyc":
                    yield path.relative_to(ROOT).as_posix(), path.read_bytes()


if __name__ == "__main__":
    sys.stdout.write(f"{image_context()}\n")
