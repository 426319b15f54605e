"""Nothing that trains, serves or answers can be made to run code by a file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve", "skops"}
CALLS = {"load_pickle", "read_pickle", "to_pickle"}
FILES = sorted(
    path
    for part in ("relearn", "preparation", "scoring", "pages", "training", "lambdas")
    for path in (ROOT / part).rglob("*.py")
    if path.is_file()
)


def unpicklers(source: str) -> list[str]:
    """List what in a source could unpickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in MODULES:
            found.append(node.module)
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            found.append(node.attr)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append("allow_pickle")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_can_unpickle(path: Path) -> None:
    assert unpicklers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import joblib as safe",
        "from cloudpickle import loads",
        "def f():\n    from sklearn.utils import x\n    import dill.source",
        "pd.read_pickle(path)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_the_scan_finds_what_it_looks_for(source: str) -> None:
    assert unpicklers(source)
