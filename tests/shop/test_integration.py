"""docs/how-to/EXISTING_APP.md shows the whole integration; without it the shop knows no Relearn, and works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from integration import PAGE, changed, diff, page, sources

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop as it was: the sources with the diff of the page taken back."""
    folder = tmp_path_factory.mktemp("before")
    shutil.copytree(ROOT / "examples/shop", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/shop/ordinary", folder / "tests/shop/ordinary")
    found = re.search(r"```diff\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    command = ["git", "apply", "--reverse", "-"]
    subprocess.run(command, cwd=folder / "app", input=found.group(1), text=True, check=True)
    return folder


def test_the_page_shows_the_diff_as_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "write it anew: .venv/bin/python examples/shop/integration.py"


def test_it_is_under_150_lines() -> None:
    assert changed(diff()) < 150


def test_before_it_nothing_knew_relearn(without: Path) -> None:
    there = [one for source in sources() if (one := without / "app" / source).exists()]
    assert len(there) == len(sources()) - 1
    assert [one for one in there if "relearn" in one.read_text(encoding="utf-8").lower()] == []


def test_after_it_only_the_module_does() -> None:
    imports = re.compile(r"^\s*(?:from|import) relearn", re.MULTILINE)
    found = [
        one for one in sources() if imports.search((ROOT / "examples/shop" / one).read_text(encoding="utf-8"))
    ]
    assert found == [Path("shop/ml.py")]


def test_nothing_else_of_this_repository_is_imported() -> None:
    ours = re.compile(r"^\s*(?:from|import) (?:relearn|training|lambdas|infra|local|cli)\b", re.MULTILINE)
    files = (ROOT / "examples/shop").rglob("*.py")
    assert [one for one in files if ours.search(one.read_text(encoding="utf-8"))] == []


@pytest.mark.long
def test_before_it_the_shop_passed_its_own_tests(without: Path) -> None:
    block = (
        "import sys; sys.modules['relearn_client'] = None; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "tests/shop/ordinary"]
    done = subprocess.run(
        [sys.executable, "-c", block, *options],
        cwd=without,
        env={"PYTHONPATH": f"{without}/app:{without}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d\d+ passed", done.stdout, re.MULTILINE), done.stdout
