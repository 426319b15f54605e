"""The snippets of a page, and how each language is run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.e2e import generated

ROOT = Path(__file__).parents[2]
TYPESCRIPT = "typescript"
MADE_UP = "http://127.0.0.1:8000"
"""The address that pages show: `relearn proxy`."""


@dataclass(frozen=True)
class Snippet:
    """Code on a page, and what the page says it prints; empty when it says nothing."""

    page: str
    heading: str
    language: str
    code: str
    printed: str

    def __str__(self) -> str:
        return f"{self.page}: {self.heading}: {self.language}"

    def shows(self, output: str) -> bool:
        """Whether output is what the page shows, apart from versions, measured numbers and ids."""
        return not self.printed or _shape(output) == _shape(self.printed)


def snippets(page: Path) -> Iterator[Snippet]:
    """Find what a reader may copy and run: Python, TypeScript, and shell that calls the API."""
    blocks = list(re.finditer(r"^```(\w+)\n(.*?)^```\n", page.read_text(), re.MULTILINE | re.DOTALL))
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        language, code = block.groups()
        if language in ("python", TYPESCRIPT) or (language == "sh" and "curl" in code):
            heading = re.findall(r"^#+ (.*)$", page.read_text()[: block.start()], re.MULTILINE)[-1]
            printed = after.group(2) if after and after.group(1) in ("json", "text") else ""
            yield Snippet(str(page.relative_to(ROOT)), heading, language, code, printed)


def programs(folder: Path) -> generated.Programs:
    """Make one project of the pages' programs in TypeScript and of what tests call the API with."""
    return generated.programs(folder, {_name(one): one.code for one in FOUND if one.language == TYPESCRIPT})


def run(
    snippet: Snippet,
    folder: Path,
    env: Mapping[str, str],
    proxy: str = MADE_UP,
    programs: generated.Programs | None = None,
) -> str:
    """Run a snippet; give what it printed. One in TypeScript is one of the ``programs``."""
    code = snippet.code
    if snippet.language == TYPESCRIPT:
        assert programs is not None
        code = programs.translated(_name(snippet))
    code = code.replace(_host(MADE_UP), _host(proxy))
    command = {"sh": _shell, "python": _python, TYPESCRIPT: _typescript}[snippet.language](code, folder)
    return generated.run(command, folder, env)


def _name(snippet: Snippet) -> str:
    return f"snippet-{FOUND.index(snippet)}"


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _shell(code: str, _folder: Path) -> list[str]:
    return ["sh", "-ec", code]


def _python(code: str, _folder: Path) -> list[str]:
    return [sys.executable, "-c", code]


def _typescript(code: str, folder: Path) -> list[str]:
    generated.packages(folder)
    (folder / "program.mjs").write_text(code)
    return ["node", "program.mjs"]


def _shape(text: str) -> Any:
    try:
        return _of(json.loads(text))
    except ValueError:
        return re.sub(r"\d+\.\d+|(?<=version )\d+", "0", text).strip()


def _of(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: "" if key in ("id", "request_id") else _of(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_of(value) for value in data]
    return 0 if isinstance(data, int | float) else data


PAGES = [ROOT / "docs" / "reference" / "API.md", ROOT / "clients" / "python" / "README.md"]
FOUND = [snippet for page in PAGES for snippet in snippets(page) if "RELEARN_TOKEN" not in snippet.code]
"""All but those for a stage that takes tokens, which `test_tokens` runs."""
