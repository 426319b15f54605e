"""Starts every handler's factory with the environment given on standard input; prints what it read.

Runs in a process of its own, with the staged Lambda code as its path: what is not staged is not found.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from types import ModuleType
from typing import Any


def factories(module: ModuleType) -> list[Any]:
    return [
        value
        for value in vars(module).values()
        if hasattr(value, "cache_info") and getattr(value, "__module__", "") == module.__name__
    ]


def probe(name: str, variables: dict[str, str]) -> dict[str, Any]:
    from lambdas.runtime import config  # noqa: PLC0415

    read: set[str] = set()

    class Recorded(dict[str, str]):
        def __getitem__(self, key: str) -> str:
            read.add(key)
            return super().__getitem__(key)

        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return super().get(key, default)

    def from_env(_cls: object, _environ: object = None) -> config.Config:
        return config.Config(Recorded(variables))

    config.Config.from_env = classmethod(from_env)  # type: ignore[method-assign, assignment]
    os.environ.update(variables)
    module = importlib.import_module(f"lambdas.handlers.{name}")
    found = factories(module)
    error = None
    try:
        for factory in found:
            factory()
    except Exception as raised:  # noqa: BLE001
        error = repr(raised)
    return {"error": error, "unread": sorted(set(variables) - read), "factories": [f.__name__ for f in found]}


if __name__ == "__main__":
    asked: dict[str, dict[str, str]] = json.load(sys.stdin)
    json.dump({name: probe(name, variables) for name, variables in asked.items()}, sys.stdout)
