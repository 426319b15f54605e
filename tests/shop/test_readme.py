"""The shop's own page tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

from shop import ml

README = Path(__file__).parents[2] / "examples/shop/README.md"
TEXT = README.read_text(encoding="utf-8")


def test_it_names_every_page(app: Flask) -> None:
    rules = {re.sub(r"<(?:\w+:)?\w+>", "<>", str(rule)) for rule in app.url_map.iter_rules()} - {"/static/<>"}
    named = {re.sub(r"<[^>]+>", "<>", path) for path in re.findall(r"(?:GET |POST |`)(/[\w/<>-]*)", TEXT)}
    assert rules <= named


def test_it_names_every_command(app: Flask) -> None:
    named = set(re.findall(r"^\| `([a-z-]+)", TEXT, re.MULTILINE))
    assert set(app.cli.list_commands(None)) <= named  # type: ignore[arg-type]


def test_it_names_every_setting() -> None:
    sources = [README.parent / "shop/__init__.py", Path(ml.__file__)]
    read = {
        name
        for source in sources
        for name in re.findall(r'os\.environ\.get\("(\w+)"', source.read_text(encoding="utf-8"))
    }
    assert read == set(re.findall(r"^\| `([A-Z_]+)`", TEXT, re.MULTILINE))
