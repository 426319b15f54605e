"""A TypeScript client, made as docs/reference/API.md says: generated, type-checked, run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.client import Stage

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "node_modules"
CALLS = Path(__file__).parent / "typescript" / "calls.mts"
COMPILE = "--strict --noEmitOnError --target es2022 --module nodenext --lib es2022,dom --skipDefaultLibCheck"
GENERATE = "openapi-typescript docs/openapi.json --output relearn.d.ts"
"""The command on the page, without ``npx``."""


@dataclass(frozen=True)
class Programs:
    """Programs in TypeScript, ready to run: `CALLS` and others, by name."""

    folder: Path

    def ask(self, stage: Stage) -> Any:
        """Run `CALLS` for a stage, which it calls with signed requests; give what it says it was answered."""
        keys = stage.session.get_credentials()
        assert keys is not None
        env = {
            "API_URL": stage.api_url,
            "AWS_REGION": stage.session.region_name,
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "AWS_SESSION_TOKEN": keys.token or "",
        }
        return json.loads(
            run(["node", f"{CALLS.stem}.mjs", json.dumps(stage.sample("iris"))], self.folder, env)
        )

    def translated(self, name: str) -> str:
        """Give a program as Node runs it."""
        return (self.folder / f"{name}.mjs").read_text()


def programs(folder: Path, others: Mapping[str, str]) -> Programs:
    """Make a project with `CALLS` and other programs in it, which the compiler is started for once."""
    project(folder)
    compiled({CALLS.stem: CALLS.read_text(), **others}, folder)
    return Programs(folder)


def project(folder: Path) -> None:
    """Make a project of the repository's own packages and a client generated from its document."""
    packages(folder)
    program, document, *options = shlex.split(GENERATE)
    run([str(MODULES / ".bin" / program), str(ROOT / document), *options], folder)


def packages(folder: Path) -> None:
    """Let programs in a folder import the repository's own packages."""
    (folder / "node_modules").symlink_to(MODULES)


def compiled(sources: Mapping[str, str], folder: Path) -> None:
    """Type-check programs, given by name, and translate each."""
    files = {f"{name}.mts": source for name, source in sources.items()}
    for file, source in files.items():
        (folder / file).write_text(source)
    run(["node", str(MODULES / "typescript" / "bin" / "tsc"), *COMPILE.split(), *files], folder)


def run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its good end; give what it printed."""
    done = subprocess.run(
        command,
        env={**os.environ, **(env or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
