"""The CDK app with other models than the repository's: a copy of it with copies of them, changed and synthesised."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("app.py", "cdk.json", "infra", "lambdas", "relearn", "preparation", "scoring", "pages", "training")
LINKED = (".venv", "node_modules", "build/layers")


Models = Mapping[str, tuple[str, Mapping[str, str]]]
"""Name to whose copy it is, and what stands in that one's ``spec.py`` once to what is to stand there instead."""


def with_models(folder: Path, models: Models) -> Path:
    """Give the synthesised app that has other models than the repository.

    Parameters
    ----------
    folder
        Takes the copy of the app; made.
    models
        Models of the app.
    """
    copied(folder, models)
    (folder / "build").mkdir()
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    command = ["npx", "--no-install", "cdk", "synth", "--quiet", "-c", "stage=local", "-o", "app.out"]
    environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])
    return folder / "app.out"


def copied(folder: Path, models: Models) -> None:
    """Copy the app, with other models than the repository.

    Raises
    ------
    SystemExit
        What a change replaces is not in the copied ``spec.py``, or is there more than once.
    """
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=_models)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    for name, (model, changes) in models.items():
        _copy(folder / "training" / "models", name, model, changes)


def _copy(models: Path, name: str, source: str, changes: Mapping[str, str]) -> None:
    shutil.copytree(ROOT / "training" / "models" / source, models / name, ignore=_caches)
    spec = models / name / "spec.py"
    text = spec.read_text()
    for old, new in {f'name="{source}"': f'name="{name}"', **changes}.items():
        if text.count(old) != 1:
            raise SystemExit(f"{old!r} is not in {spec} exactly once")
        text = text.replace(old, new)
    spec.write_text(text)


def _models(path: str, names: list[str]) -> set[str]:
    """Leave out every model, but not what models are made of."""
    models = {name for name in names if name[0].isalpha()} if path.endswith("training/models") else set()
    return {*models, *_caches(path, names)}


def _caches(_path: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__"}
