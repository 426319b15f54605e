from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from infra.base import bytecode, staging

FILES = {
    "package/__init__.py": b"",
    "package/module.py": b"WORDS = frozenset({'a', 'b', 'c'})\n\n\ndef word() -> str:\n    return 'compiled'\n",
    "package/data.json": b"{}",
}


def test_modules_are_compiled_and_nothing_else() -> None:
    assert {path.partition(".cpython")[0] for path in bytecode.of(FILES, bytecode.HERE)} == {
        "package/__pycache__/__init__",
        "package/__pycache__/module",
    }


def test_the_same_sources_give_the_same_bytecode() -> None:
    sources = {path: content for path, content in staging.files("relearn", "lambdas") if path.endswith(".py")}
    first, second = (bytecode.of(sources, bytecode.HERE) for _ in range(2))
    assert len(first) == len(sources)
    assert first == second


def test_the_bytecode_is_what_runs_whatever_the_time_of_the_source_is(tmp_path: Path) -> None:
    for path, content in {**FILES, **bytecode.of(FILES, bytecode.HERE)}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    (tmp_path / "package/module.py").write_text("def word() -> str:\n    return 'source'\n")
    os.utime(tmp_path / "package/module.py", (0, 0))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from package import module; print(module.word(), module.word.__code__.co_filename)",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    word, file = done.stdout.split()
    assert word == "compiled"
    assert Path(file) == tmp_path / "package/module.py"


def test_no_folder_of_this_machine_is_in_it() -> None:
    for content in bytecode.of(FILES, bytecode.HERE).values():
        assert b"/tmp" not in content


def test_for_another_python_there_is_none() -> None:
    assert bytecode.of(FILES, "python2.7") == {}
