"""Bytecode beside the functions' code: Lambda cannot write it there itself, and would compile every cold start anew.

A quarter of predict's cold import is compiling. Python only reads bytecode of its own minor version, so there is
some only when the app is synthesised with the very one that the functions run on; otherwise the zip holds sources alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""This Python, by the name Lambda has for it."""
_COMPILE = ("-P", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s")


def of(files: Mapping[str, bytes], runtime: str) -> dict[str, bytes]:
    """Compile modules.

    The same sources give the same bytes: the bytecode names no time and no folder, and is made in a process
    of its own, for what else a process holds can show in it.

    Parameters
    ----------
    files
        Relative path to content; those that are no modules are left alone.
    runtime
        Lambda's name of the Python that will run them, e.g. ``"python3.14"``.

    Returns
    -------
    dict
        Relative path to bytecode; nothing when this is another Python.
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
