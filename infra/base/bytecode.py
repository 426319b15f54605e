"""Bytecode of the functions' modules: Lambda cannot store it, and would compile on every cold start.

A quarter of predict's cold import is compilation. Python reads only bytecode of its own minor version, so
bytecode is added only when the app is synthesised with the version that the functions run on; otherwise the
zip has sources only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""Lambda's name for the running Python version."""
_COMPILE = ("-P", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s")


def of(files: Mapping[str, bytes], runtime: str) -> dict[str, bytes]:
    """Compile modules.

    The same sources give the same bytes: the bytecode has no time and no folder, and is compiled in a
    separate process, because the state of a process can show in it.

    Parameters
    ----------
    files
        Relative path to content; files that are not modules are ignored.
    runtime
        Lambda's name of the Python version that runs them, e.g. ``"python3.14"``.

    Returns
    -------
    dict
        Relative path to bytecode; empty when this is another version.
    """
    if runtime != HERE:
        return {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            if path.endswith(".py"):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        subprocess.run(  # noqa: S603 - this very Python, on a folder of ours
            [sys.executable, *_COMPILE, name, name], env={"PYTHONHASHSEED": "0"}, check=True
        )
        return {
            file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*.pyc"))
        }
