"""A copy of this folder with many models, and its templates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns("__pycache__", "tests", "build", "node_modules", ".*")
ROOMS = ("infra", "lambdas", "pages", "preparation", "relearn", "scoring", "training")
FILES = ("app.py", "cdk.json", "pyproject.toml")
HOSTING = "Serverless(memory_mb=2048, max_concurrency=10)"
"""Hosting of the copied model, as its spec has it."""
IMPORTS = "from relearn.spec.model import (\n"


@dataclass(frozen=True)
class Assembly:
    """What the app wrote.

    Parameters
    ----------
    folder
        The cdk.out.
    templates
        Templates by the stacks' construct ids.
    """

    folder: Path
    templates: dict[str, dict[str, Any]]


def names(count: int) -> list[str]:
    """Return names of models, as long as a name may be."""
    return [f"model-{number:04}-of-many-x" for number in range(1, count + 1)]


def every_tenth(models: Sequence[str]) -> Sequence[str]:
    """Return the share of many models that runs in Lambda: small ones, with few requests."""
    return models[9::10]


def make(
    folder: Path,
    models: Sequence[str],
    *,
    like: str = "iris",
    in_lambda: Collection[str] = (),
    **settings: Any,
) -> Path:
    """Copy the project with nothing but copies of one model.

    Parameters
    ----------
    folder
        Is made; holds the copy.
    models
        Names of the copies.
    like
        The model that is copied.
    in_lambda
        Those of the copies that run in Lambda.
    settings
        Settings of every stage, beside those of cdk.json.
    """
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=LEFT_OUT)
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    (folder / "build").mkdir()
    for made in ("build/layers", "node_modules"):
        (folder / made).symlink_to(ROOT / made)
    kept = folder / "training" / "models"
    for each in kept.glob("[!_]*/"):
        shutil.rmtree(each)
    for name in models:
        shutil.copytree(ROOT / "training" / "models" / like, kept / name, ignore=LEFT_OUT)
        spec = kept / name / "spec.py"
        said = spec.read_text().replace(f'name="{like}"', f'name="{name}"')
        if name in in_lambda:
            said = said.replace(HOSTING, "InLambda()").replace(IMPORTS, f"{IMPORTS}    InLambda,\n")
        spec.write_text(said)
    _set(folder / "cdk.json", settings)
    return folder


def _set(file: Path, settings: dict[str, Any]) -> None:
    said = json.loads(file.read_text())
    for stage in said["context"]["relearn"]["stages"].values():
        stage.update(settings)
    file.write_text(json.dumps(said))


def synthesise(folder: Path, stage: str) -> Assembly:
    """Write the templates of a stage of a copy, as ``cdk synth`` does, and return them by stack.

    Those that are over a limit are written too: what the app says of them is not asked here.
    """
    out = folder / "cdk.out"
    context = json.loads((folder / "cdk.json").read_text())["context"] | {"stage": stage}
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": "false",  # CDK's own check, which takes most of the time: cfn-lint finds more
        "PYTHONPATH": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    written = sorted(out.glob("*.template.json"))
    if not written:
        raise RuntimeError(done.stderr[-2000:])
    return Assembly(
        out, {path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in written}
    )
