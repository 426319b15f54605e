"""Unpacks a model's archive into a container's folder, within the limits of one machine.

`tarfile` reads the header records of an archive into memory before a caller can check their size, and writes
whatever a header says. Here each header is checked first, and only regular files and folders inside the
target folder are written.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from local import faults

if TYPE_CHECKING:
    from io import BufferedIOBase
    from pathlib import Path

LARGEST = 8 * 1024**3
"""Maximum size of all unpacked files together, in bytes."""
MOST_MEMBERS = 10_000
LARGEST_RECORD = 1 << 16
"""Maximum size of a header record (pax), in bytes."""
MOST_RATIO, RATIO_FROM = 200, 32 * 1024**2
"""Maximum compression ratio, applied to archives that unpack to more than RATIO_FROM bytes."""
_PIECE = 1 << 20
_PAX = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
_RENAMING = (b"path=", b"linkpath=", b"size=", b"hdrcharset=", b"GNU.sparse", b"SCHILY.realsize")


class ArchiveError(Exception):
    """An archive is damaged, exceeds a limit, or holds something other than files and folders."""


def unpack(archive: Path, folder: Path, limit: int = LARGEST) -> None:
    """Unpack a ``.tar.gz``.

    Parameters
    ----------
    archive : Path
        The archive.
    folder : Path
        An existing folder to unpack into.
    limit : int
        Maximum size of everything unpacked, in bytes.

    Raises
    ------
    ArchiveError
        When the archive is damaged, exceeds a limit, names a path outside of the folder, or holds something
        other than files and folders.
    """
    most = min(limit, max(RATIO_FROM, MOST_RATIO * archive.stat().st_size))
    try:
        with gzip.open(archive) as stream:
            for _ in range(MOST_MEMBERS):
                if (info := _header(stream)) is None:
                    return
                most -= tarfile.BLOCKSIZE + info.size
                if most < 0:
                    raise ArchiveError(
                        f"it unpacks to more than {limit} bytes, or {MOST_RATIO} times its size"
                    )
                _take(stream, info, folder)
                _read(stream, -info.size % tarfile.BLOCKSIZE)
    except (OSError, EOFError, zlib.error, tarfile.HeaderError, ValueError) as error:
        raise ArchiveError(f"it cannot be unpacked: {faults.told(error)}") from error
    raise ArchiveError(f"it has more than {MOST_MEMBERS} members")


def _header(stream: BufferedIOBase) -> tarfile.TarInfo | None:
    block = _read(stream, tarfile.BLOCKSIZE)
    return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape") if any(block) else None


def _take(stream: BufferedIOBase, info: tarfile.TarInfo, folder: Path) -> None:
    if info.size < 0 or (info.type in _PAX and info.size > LARGEST_RECORD):
        raise ArchiveError(f"the header of {info.name!r} has {info.size} bytes; allowed: {LARGEST_RECORD}")
    if info.type in _PAX:
        record = _read(stream, info.size)
        if any(word in record for word in _RENAMING):
            raise ArchiveError(f"the header {info.name!r} sets a name or a size; allowed: dates, owners")
        return
    target = _inside(folder, info.name)
    if info.isdir() and not info.size:
        target.mkdir(parents=True, exist_ok=True)
    elif info.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:  # a duplicate name raises FileExistsError
            for start in range(0, info.size, _PIECE):
                file.write(_read(stream, min(_PIECE, info.size - start)))
    else:
        raise ArchiveError(f"{info.name!r} is of type {info.type!r}; allowed: files and folders")


def _inside(folder: Path, name: str) -> Path:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "\0" in name:
        raise ArchiveError(f"{name!r} is outside of it")
    return folder / place


def _read(stream: BufferedIOBase, size: int) -> bytes:
    block = stream.read(size)
    if len(block) < size:
        raise EOFError("it is cut off")
    return block
