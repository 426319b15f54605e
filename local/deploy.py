"""Runs the real ``cdk bootstrap`` and ``cdk deploy`` against the laptop cloud."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from typing import TYPE_CHECKING

from local import environment
from local.processes import Child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.settings import Settings

_DEPLOY_SECONDS = 900
_TAIL = 40
_TOLD = re.compile(
    r"✅|❌|: deploying|: fail:|FAILED|Error:|^\S+ failed"
)  # lines to report, of the hundreds that cdk prints


class DeployError(Exception):
    """``cdk`` failed or is not installed; the message ends with the last lines of its output."""


class Cdk:
    """The repository's CDK command, configured for a laptop cloud.

    Parameters
    ----------
    settings : Settings
        Settings of the cloud.
    endpoint : str
        URL of its AWS APIs.
    say : callable
        Receives the lines of ``cdk`` that show progress or failure.
    """

    def __init__(self, settings: Settings, endpoint: str, say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        self._environment = {
            **environment.base(os.environ),
            **environment.no_aws_files(),
            **environment.client(settings, endpoint),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
            "NODE_NO_WARNINGS": "1",
            "TMPDIR": str(settings.scratch),
            "CDK_HOME": str(settings.scratch / "cdk"),
        }

    def bootstrap(self) -> None:
        """Run ``cdk bootstrap`` for the account and region.

        Raises
        ------
        DeployError
            When ``cdk`` fails or is not installed.
        """
        self._run("bootstrap", f"aws://{self._settings.account}/{self._settings.region}")

    def deploy(self, *stacks: str) -> dict[str, dict[str, str]]:
        """Deploy every stack of the assembly, or only ``stacks``, and return the outputs by stack name.

        Raises
        ------
        DeployError
            When ``cdk`` fails or is not installed.
        """
        self._share_zips()
        outputs = self._settings.scratch / "outputs.json"
        self._run(
            "deploy", *((*stacks, "--exclusively") if stacks else ("--all",)), "--app", str(self._settings.assembly.resolve()),
            "--require-approval", "never", "--outputs-file", str(outputs), "--progress", "events",
        )  # fmt: skip
        found: dict[str, dict[str, str]] = json.loads(outputs.read_text()) if outputs.exists() else {}
        return found

    def _share_zips(self) -> None:
        """Share one folder of zipped assets among assemblies, in which ``cdk`` finds each by its hash.

        Zipping the layers takes ten seconds.
        """
        own, shared = self._settings.assembly / ".cache", self._settings.repository / "build" / "cdk.assets"
        shared.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            own.symlink_to(shared)

    def _run(self, *arguments: str) -> None:
        command = [
            self._node(),
            str(self._script()),
            *arguments,
            "--no-notices",
            "--no-color",
            "--no-version-reporting",
        ]
        last: list[str] = []
        with Child(command, env=self._environment, cwd=self._settings.scratch) as child:
            for raw in child.output:
                line = raw.decode(errors="replace").rstrip()
                if line:
                    last = [*last, line][-_TAIL:]
                if _TOLD.search(line):
                    self._say(line.strip())
            code = child.wait(_DEPLOY_SECONDS)
        if code:
            raise DeployError(f"cdk {arguments[0]} failed with exit code {code}:\n  " + "\n  ".join(last))

    def _script(self) -> Path:
        script = self._settings.repository / "node_modules" / "aws-cdk" / "bin" / "cdk"
        if not script.exists():
            raise DeployError(
                f"the CDK command is not installed ({script} is missing): run npm ci in {script.parents[3]}"
            )
        return script

    @staticmethod
    def _node() -> str:
        node = shutil.which("node")
        if node is None:
            raise DeployError("node is not on the PATH; the CDK command needs Node.js 20 or newer")
        return node
