"""Show the integration of Relearn as a diff between the shop without it and the shop with it.

The sources are those of the shop with the integration. The integration is `shop/ml.py` and every line that
ends with the mark ``# relearn``; without these the shop is as it was. ``python examples/shop/integration.py``
writes the diff into docs/how-to/EXISTING_APP.md. Tests check that the page has the current diff, and that the
shop works without it.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "how-to" / "EXISTING_APP.md"
MODULE = Path("shop/ml.py")
MARK = re.compile(r"(?:  # relearn| \{# relearn #\})$")
TYPES = (".py", ".html", ".css", ".txt")


def sources() -> list[Path]:
    """Return the paths of the shop's sources, relative to its folder, sorted."""
    found = [HERE / "requirements.txt", *(HERE / "shop").rglob("*")]
    return sorted(one.relative_to(HERE) for one in found if one.suffix in TYPES)


def before(source: Path) -> list[str]:
    """Return the lines of a source without the integration; none for `MODULE`."""
    return [] if source == MODULE else [line for line in after(source) if not MARK.search(line)]


def after(source: Path) -> list[str]:
    """Return the lines of a source."""
    return (HERE / source).read_text(encoding="utf-8").splitlines()


def diff() -> list[str]:
    """Return the lines of the whole diff, with `MODULE` last."""
    ordered = [*(one for one in sources() if one != MODULE), MODULE]
    return [line for source in ordered for line in _diff_of(source)]


def changed(lines: list[str]) -> int:
    """Return the number of lines that a diff adds or removes."""
    return sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in lines if line)


def page(text: str) -> str:
    """Return the text of the page with the current diff and its number of lines."""
    lines = diff()
    text = re.sub(r"```diff\n.*?```", lambda _: "\n".join(["```diff", *lines, "```"]), text, flags=re.DOTALL)
    return re.sub(r"\d+ changed lines", f"{changed(lines)} changed lines", text)


def _diff_of(source: Path) -> Iterator[str]:
    old, new = before(source), after(source)
    names = (f"a/{source}" if old else "/dev/null", f"b/{source}")
    yield from difflib.unified_diff(old, new, *names, n=2, lineterm="")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {changed(diff())} changed lines\n")
