"""A progress bar for the upload of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import SEEK_SET
from pathlib import Path
from typing import Any, BinaryIO

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from cli.terminal.output import err


@contextmanager
def watched(file: Path) -> Iterator[Any]:
    """Open a file for reading, with a progress bar that follows the reader's position."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=err) as progress, file.open("rb") as content:
        task = progress.add_task(file.name, total=file.stat().st_size)
        yield _Watched(content, lambda position: progress.update(task, completed=position))


class _Watched:
    """A file that reports its read position; it may be read twice, once for a signature."""

    def __init__(self, file: BinaryIO, tell: Callable[[int], None]) -> None:
        self._file, self._tell = file, tell

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._tell(self._file.tell())
        return data

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
