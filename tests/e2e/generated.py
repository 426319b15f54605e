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
class Program:
    """`CALLS`, ready to run."""

    command: list[str]
    folder: Path

    def ask(self, stage: Stage) -> Any:
        """Run it for a stage, which it calls with signed requests; give what it says it was answered."""
        keys = stage.session.get_credentials()
        assert keys is not None
        env = {
            "API_URL": stage.api_url,
            "AWS_REGION": stage.session.region_name,
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "AWS_SESSION_TOKEN": keys.token or "",
        }
        return json.loads(run([*self.command, json.dumps(stage.sample("iris"))], self.folder, env))


def program(folder: Path) -> Program:
    """Make a project with `CALLS` in it."""
    project(folder)
    return Program(compiled(CALLS.read_text(), folder), folder)


def project(folder: Path) -> None:
    """Make a project of the repository's own packages and a client generated from its document."""
    (folder / "node_modules").symlink_to(MODULES)
    program, document, *options = shlex.split(GENERATE)
    run([str(MODULES / ".bin" / program), str(ROOT / document), *options], folder)


def compiled(source: str, folder: Path) -> list[str]:
    """Type-check a program and translate it; give the command that runs it."""
    (folder / "program.mts").write_text(source)
    run(["node", str(MODULES / "typescript" / "bin" / "tsc"), *COMPILE.split(), "program.mts"], folder)
    return ["node", "program.mjs"]


def run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its good end; give what it printed."""
    done = subprocess.run(
        command,
        env={**os.environ, **(env or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
