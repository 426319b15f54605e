"""Runs the jobs of a GitHub workflow here: its own commands, with stand-ins for GitHub's actions."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")


@dataclass
class Ran:
    """What came of a job.

    Parameters
    ----------
    outcomes
        What came of each command, in order: ``success``, ``failure`` or ``skipped``.
    outputs
        Outputs of the job.
    told
        What the commands printed.
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    told: str = ""


@dataclass(kw_only=True)
class Runner:
    """Runs the jobs of one workflow in a checkout.

    Parameters
    ----------
    file
        The workflow.
    checkout
        Folder in which the commands run.
    environment
        Variables of every command.
    known
        Values of expressions by what is in their braces, e.g. ``github.actor``.
    actions
        Stand-ins by the name of an action: from the job and the inputs to the variables that it sets. An action
        without one does nothing.
    """

    file: Path
    checkout: Path
    environment: Mapping[str, str]
    known: dict[str, str]
    actions: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], Mapping[str, str]]]

    def job(self, name: str) -> Ran:
        """Run a job, and keep its outputs for the jobs that need it."""
        job = yaml.safe_load(self.file.read_text(encoding="utf-8"))["jobs"][name]
        ran = Ran()
        steps: dict[str | None, str] = {}
        environment = {**self.environment, **self._filled(job.get("env", {}))}
        failed = False
        for step in job["steps"]:
            if not self._wanted(step.get("if", ""), steps, failed=failed):
                outcome = "skipped"
            elif "uses" in step:
                action = self.actions.get(step["uses"].partition("@")[0])
                environment |= action(job, self._filled(step.get("with", {}))) if action else {}
                continue
            else:
                outcome = self._run(step, environment, ran)
            ran.outcomes[step["run"]] = steps[step.get("id")] = outcome
            failed = failed or outcome == "failure"
        ran.outputs = self._filled(job.get("outputs", {}))
        self.known |= {f"needs.{name}.outputs.{key}": value for key, value in ran.outputs.items()}
        return ran

    def _run(self, step: Mapping[str, Any], environment: Mapping[str, str], ran: Ran) -> str:
        told = self.checkout / "github-output"
        told.write_text("")
        own = {**environment, **self._filled(step.get("env", {})), "GITHUB_OUTPUT": str(told)}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]], cwd=self.checkout, env=own, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=3600,
        )  # fmt: skip
        ran.told += f"$ {step['run']}\n{done.stdout}\n"
        for line in told.read_text().splitlines():
            key, _, value = line.partition("=")
            self.known[f"steps.{step.get('id')}.outputs.{key}"] = value
        return "failure" if done.returncode else "success"

    def _wanted(self, condition: str, steps: Mapping[str | None, str], *, failed: bool) -> bool:
        if not condition:
            return not failed
        found = re.fullmatch(
            r"\(failure\(\) \|\| cancelled\(\)\) && steps\.(\w+)\.outcome == 'success'", condition
        )
        assert found, f"this runner does not know the condition {condition}"
        return failed and steps.get(found[1]) == "success"

    def _filled(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {
            key: _EXPRESSION.sub(lambda found: self.known[found[1]], str(value))
            for key, value in values.items()
        }
