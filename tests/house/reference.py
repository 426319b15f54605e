"""Generated pages of docs/reference: commands, settings, Makefile targets.

``python -m tests.house.reference`` rewrites the generated part of each page; a test fails for a stale page.
"""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import datetime
from enum import Enum
from inspect import cleandoc
from pathlib import Path
from typing import Any

from typer.main import get_command

from cli.main import app
from infra.base.setting_rules import RULES
from infra.base.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"
_FENCES = ("<!-- written by `make reference` -->\n", "\n<!-- end of what `make reference` writes -->")
_TYPES = {str: "text", int: "whole number", float: "number", Path: "path", datetime: "date"}
_AUTOMATIC = ("install_completion", "show_completion")


def commands() -> str:
    """Return the options of ``relearn`` itself, then every command in alphabetical order, as Markdown."""
    root: Any = get_command(app)
    parts = ["## Options of every command\n\n" + _table(_described(root.params))]
    for name, command in sorted(root.commands.items()):
        usage = " ".join([name, *filter(None, map(_usage, command.params))])
        part = f"## {name}\n\n{' '.join(command.help.split())}\n\n```text\nrelearn {usage}\n```"
        parts.append(f"{part}\n\n{_table(_described(command.params))}" if command.params else part)
    return "\n\n".join(parts)


def settings() -> str:
    """Return a table of a stage's settings with default, allowed values and meaning."""
    documented = _parameters(cleandoc(Settings.__doc__ or ""))
    rows = [
        (f"`{one.name}`", _default(one), RULES[one.name][1], documented[one.name])
        for one in fields(Settings)
        if one.name != "stage"
    ]
    return _table([("setting", "default", "allowed", "meaning"), *rows])


def targets() -> str:
    """Return a table of the Makefile's targets."""
    return _table([("target", "does"), *((f"`{name}`", does) for name, does in made().items())])


def made() -> dict[str, str]:
    """Return the targets that ``make help`` lists, with their descriptions."""
    return dict(re.findall(r"^([a-z-]+):.*?## (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "settings.md": settings,
    "targets.md": targets,
}


def page(text: str, written: str) -> str:
    """Replace the generated part of a page.

    Parameters
    ----------
    text
        The page, with both marks.
    written
        The new generated part.
    """
    before, _, rest = text.partition(_FENCES[0])
    _, _, after = rest.partition(_FENCES[1])
    return f"{before}{_FENCES[0]}\n{written}\n{_FENCES[1]}{after}"


def stale() -> list[str]:
    """Return the paths of pages whose generated part is out of date."""
    return [
        (FOLDER / name).relative_to(ROOT).as_posix()
        for name, write in PAGES.items()
        if (text := (FOLDER / name).read_text("utf-8")) != page(text, write())
    ]


def main() -> int:
    """Rewrite all pages."""
    for name, write in PAGES.items():
        file = FOLDER / name
        file.write_text(page(file.read_text("utf-8"), write()), "utf-8")
    return 0


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *rest = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rest))


def _described(params: list[Any]) -> list[tuple[str, ...]]:
    shown = [one for one in params if not one.hidden and one.name not in _AUTOMATIC]
    return [
        ("argument or option", "value", "default", "meaning"),
        *((_name(one), _value(one), _given(one), _meaning(one)) for one in shown),
    ]


def _usage(param: Any) -> str:
    """Return a parameter for the usage line: arguments, and required options."""
    if _is_argument(param):
        return _argument(param)
    return f"{param.opts[0]} {param.name.upper()}" if param.required else ""


def _is_argument(param: Any) -> bool:
    return bool(param.param_type_name == "argument")


def _argument(param: Any) -> str:
    word = (param.metavar or param.name).upper() + ("..." if param.nargs != 1 else "")
    return word if param.required else f"[{word}]"


def _name(param: Any) -> str:
    if _is_argument(param):
        return f"`{_argument(param)}`"
    return ", ".join(f"`{option}`" for option in (*param.opts, *param.secondary_opts))


def _value(param: Any) -> str:
    kind = param.type_descriptor.annotation
    if typing.get_origin(kind) is list:
        (kind,) = typing.get_args(kind)
    if kind is bool:
        return ""
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{choice.value}`" for choice in kind)
    text = _TYPES.get(kind, getattr(kind, "__name__", str(kind)))
    return text + "".join(_bounds(param.min, param.max))


def _bounds(low: float | None, high: float | None) -> Iterator[str]:
    if low is not None:
        yield f", {low} or more" if high is None else f", {low} to {high}"
    elif high is not None:
        yield f", {high} or less"


def _given(param: Any) -> str:
    if param.required:
        return "required"
    default = param.default
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        default = default.relative_to(ROOT)  # independent of where the repository lies
    return "" if default in (None, False, "") else f"`{default}`"


def _meaning(param: Any) -> str:
    said = " ".join((param.help or "").split())
    return said + (f" Environment: `{param.envvar}`." if param.envvar else "")


def _parameters(doc: str) -> dict[str, str]:
    """Parse the parameters of a numpydoc docstring; several names may share a description."""
    found: dict[str, str] = {}
    _, _, section = doc.partition("Parameters\n----------\n")
    for names, text in re.findall(r"^(\w[\w, ]*)\n((?: {4}.*\n?)+)", section, re.MULTILINE):
        said = " ".join(text.split()).replace("``", "`")
        found |= dict.fromkeys(names.split(", "), said)
    return found


def _default(one: Any) -> str:
    value = one.default_factory() if callable(one.default_factory) else one.default
    return (
        "none" if value in (None, (), {}) else f"`{str(value).lower() if isinstance(value, bool) else value}`"
    )


if __name__ == "__main__":
    sys.exit(main())
