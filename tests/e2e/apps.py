"""The CDK app with other specs than the repository's: a copy of it with one model, changed and synthesised."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.e2e.clouds import ROOT

COPIED = ("app.py", "cdk.json", "infra", "lambdas", "relearn", "training")
LINKED = (".venv", "node_modules", "build/layers")


def with_model(folder: Path, model: str, old: str, new: str) -> Path:
    """Give the synthesised app that has one model alone, with one expression of its spec replaced.

    Parameters
    ----------
    folder
        Takes the copy of the app; made.
    old, new
        What stands in ``spec.py`` once, and what is to stand there.
    """
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=_others(model))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    (folder / "build").mkdir()
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    spec = folder / "training" / "models" / model / "spec.py"
    text = spec.read_text()
    assert text.count(old) == 1, f"{old!r} is not in {spec} exactly once"
    spec.write_text(text.replace(old, new))
    command = ["npx", "--no-install", "cdk", "synth", "--quiet", "-c", "stage=local", "-o", "app.out"]
    environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder / "app.out"


def _others(model: str) -> object:
    kept = {model, "__init__.py", "_template", "_template_tables"}

    def ignored(path: str, names: list[str]) -> set[str]:
        others = {name for name in names if name not in kept} if path.endswith("training/models") else set()
        return {*others, "__pycache__"}

    return ignored
