"""Unpacks a model's archive into a container's folder, within the limits of one machine.

`tarfile` reads the header records of an archive into memory before anyone can look at their size, and writes whatever a header
says: here each header is looked at first, and nothing becomes a file but what is one, within the folder.
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
"""Bytes of all files together, unpacked."""
MOST_MEMBERS = 10_000
LARGEST_RECORD = 1 << 16
"""Of a header record (pax, a long name), in bytes; more members and records than files are none of a model."""
MOST_RATIO, RATIO_FROM = 200, 32 * 1024**2
"""What unpacks to more than so many bytes may not be more than so many times larger than it was."""
_PIECE = 1 << 20
_PAX = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
_RENAMING = (b"path=", b"linkpath=", b"size=", b"hdrcharset=", b"GNU.sparse", b"SCHILY.realsize")


class ArchiveError(Exception):
    """An archive is damaged, holds more than it may, or something that is neither file nor folder."""


def unpack(archive: Path, folder: Path, limit: int = LARGEST) -> None:
    """Unpack a ``.tar.gz``.

    Parameters
    ----------
    archive, folder : Path
        What, and where to; the folder exists.
    limit : int
        Bytes of everything unpacked, at most.

    Raises
    ------
    ArchiveError
        It is damaged, holds more than it may, or anything but files and folders within.
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
        with target.open("xb") as file:  # a second one of its name is refused
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
