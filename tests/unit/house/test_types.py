"""What mypy reads: of the CDK the services that are used, all of these, and no others."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def overridden(follow: str) -> set[str]:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    found = [one["module"] for one in tools["mypy"]["overrides"] if one.get("follow_imports") == follow]
    return {name for names in found for name in ([names] if isinstance(names, str) else names)}


def used() -> set[str]:
    """Return the modules of the CDK that any of our files imports."""
    found = set()
    for folder in ("infra", "tests", "bench", "local", "demo", "cli"):
        for file in (ROOT / folder).rglob("*.py"):
            if "aws_cdk" not in (text := file.read_text(encoding="utf-8")):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Import):
                    found |= {one.name for one in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    modules = {".".join(name.split(".")[:2]) for name in found if name.startswith("aws_cdk.")}
    return {name for name in modules if name.islower()}


def test_types_of_every_service_of_the_cdk_that_is_used_are_checked() -> None:
    assert "aws_cdk.*" in overridden("skip")
    assert overridden("normal") == used() | {"aws_cdk", "aws_cdk._jsii"}
