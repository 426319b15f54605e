"""Synthesise a copy of the CDK app with other models than the repository's: changed copies of its models."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("app.py", "cdk.json", "infra", "lambdas", "relearn", "preparation", "scoring", "pages", "training")
"""Files and folders of the app that are copied."""
LINKED = (".venv", "node_modules", "build/layers")
"""Folders that the copy links to."""


Models = Mapping[str, tuple[str, Mapping[str, str]]]
"""By name of the new model: the model that it copies, and replacements of texts in that model's ``spec.py``."""


def with_models(folder: Path, models: Models) -> Path:
    """Synthesise the app with other models, and return the folder of the cloud assembly.

    Parameters
    ----------
    folder
        Folder for the copy of the app; created.
    models
        Models of the app.

    Raises
    ------
    SystemExit
        The synthesis failed, or a text to replace does not occur exactly once.
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
    """Copy the app to a folder, with other models than the repository.

    Raises
    ------
    SystemExit
        A text to replace does not occur exactly once in the copied ``spec.py``.
    """
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=_models)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    settings = folder / "cdk.json"  # a bench measures its own models, not those of `relearn verify`
    settings.write_text(settings.read_text().replace('"verify": true', '"verify": false'))
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
    """Return the names to leave out: every model, but not the templates and packages that models need."""
    models = {name for name in names if name[0].isalpha()} if path.endswith("training/models") else set()
    return {*models, *_caches(path, names)}


def _caches(_path: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__"}
