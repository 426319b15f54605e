"""Reading of gzipped tar archives from others: block by block, within limits, and unambiguous.

The standard library's reader loads header records (long names, pax) into memory before their size can be
checked, and reads any number of members. Here a header is checked before anything is read for it. Anything
from which two programs could read different files is refused: links, devices, names outside the archive or
duplicate, records that rename or resize a file, and data after the end.
"""

from __future__ import annotations

import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from relearn.errors import ArchiveError

BLOCK = tarfile.BLOCKSIZE
PIECE = 1 << 16
LARGEST_RECORD = 1 << 16
"""Maximum size of a pax header, in bytes."""
MOST_PARTS = 1000
"""Maximum number of gzip members, which may be concatenated."""
MOST_PADDING = 1 << 20
"""Maximum padding after the end of a tar, in bytes; tools fill their last record."""
MOST_RATIO, RATIO_FROM = 200, 32 * 1024**2
"""Maximum compression ratio, and the unpacked size in bytes from which on it applies."""
_GZIP = 31
_RENAMING = ("path", "linkpath", "size", "hdrcharset", "GNU.sparse", "SCHILY.realsize")
_PAX = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
_FILE = {tarfile.REGTYPE, tarfile.AREGTYPE}
_KINDS = {
    tarfile.SYMTYPE: "a link",
    tarfile.LNKTYPE: "a link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_LONGNAME: "a record of a long name",
    tarfile.GNUTYPE_LONGLINK: "a record of a long name",
}


class Readable(Protocol):
    """Stream that an archive is read from."""

    def read(self, size: int, /) -> bytes:
        """Read at most ``size`` bytes; empty at the end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an archive.

    Parameters
    ----------
    file, total
        Maximum size, in bytes, of one file and of everything unpacked, headers included.
    members
        Maximum number of files, folders and records together.
    """

    file: int
    total: int
    members: int = 1000


class Member:
    """A file in an archive; readable until the next one is requested.

    Parameters
    ----------
    name
        Path within the archive, without a leading ``./``.
    size
        Size in bytes.
    """

    def __init__(self, name: str, size: int, unpacked: _Unpacked) -> None:
        self.name = name
        self.size = size
        self._left = size
        self._unpacked = unpacked

    def blocks(self) -> Iterator[bytes]:
        """Yield the rest of its content in blocks.

        Raises
        ------
        ArchiveError
            The archive is damaged, or unpacks to too much.
        """
        while self._left:
            block = self._unpacked.exactly(min(self._left, PIECE))
            self._left -= len(block)
            yield block

    def read(self) -> bytes:
        """Return the rest of its content, at most `size` bytes.

        Raises
        ------
        ArchiveError
            The archive is damaged, or unpacks to too much.
        """
        return b"".join(self.blocks())


def files(stream: Readable, name: str, limits: Limits) -> Iterator[Member]:
    """Yield the files of an archive; after the last one, check that it was complete and had nothing else.

    Parameters
    ----------
    stream
        A ``.tar.gz``.
    name
        Name of the archive in messages.
    limits
        Limits of the archive.

    Raises
    ------
    ArchiveError
        The archive is damaged, exceeds a limit, or has something ambiguous.
    """
    unpacked = _Unpacked(stream, name, limits.total)
    seen: set[str] = set()
    for count in range(1, limits.members + 2):
        info = unpacked.header()
        if info is None:
            return
        if count > limits.members:
            break
        _refuse_odd(info, name)
        if info.type in _PAX:
            _refuse_renaming(unpacked.exactly(info.size), info.name, name)
            unpacked.exactly(-info.size % BLOCK)
            continue
        inside = _place(info.name, name)
        if info.isdir():
            continue
        if inside in seen:
            raise ArchiveError(f"{name} holds {inside!r} twice; allowed: once")
        seen.add(inside)
        if info.size > limits.file:
            raise ArchiveError(f"{inside!r} in {name} has {info.size} bytes; allowed: {limits.file}")
        member = Member(inside, info.size, unpacked)
        yield member
        for _ in member.blocks():  # skip what the caller did not read
            pass
        unpacked.exactly(-info.size % BLOCK)
    raise ArchiveError(f"{name} has more than {limits.members} members, the most allowed")


def _refuse_odd(info: tarfile.TarInfo, name: str) -> None:
    largest = LARGEST_RECORD if info.type in _PAX else 0 if info.isdir() else None
    if info.type not in _FILE | _PAX and not info.isdir():
        kind = _KINDS.get(info.type, f"a member of type {info.type!r}")
        raise ArchiveError(f"{name} holds {kind}, {info.name!r}; allowed: files and folders")
    if info.size < 0 or (largest is not None and info.size > largest):
        raise ArchiveError(
            f"the header of {info.name!r} in {name} has {info.size} bytes; allowed: {largest or 0}"
        )


def _refuse_renaming(records: bytes, member: str, name: str) -> None:
    """Refuse a pax header that sets the name or the size of a file."""
    rest = records
    while rest:
        length, _, _ = rest.partition(b" ")
        whole = int(length) if length.isdigit() and len(length) < len(str(LARGEST_RECORD)) + 1 else 0
        key, equals, _ = rest[len(length) + 1 : whole].partition(b"=")
        if not equals or whole > len(rest):
            raise ArchiveError(f"the header {member!r} in {name} is damaged")
        if key.decode("utf-8", "replace").startswith(_RENAMING):
            raise ArchiveError(
                f"the header {member!r} in {name} sets {key.decode('utf-8', 'replace')!r}; allowed: dates, owners"
            )
        rest = rest[whole:]


def _place(member: str, name: str) -> str:
    inside = posixpath.normpath(member)
    if inside.startswith("/") or inside.split("/", 1)[0] == ".." or "\\" in inside:
        raise ArchiveError(f"{member!r} in {name} is outside of it")
    return inside


class _Unpacked:
    """The tar in a gzip stream, decompressed only as far as it is read."""

    def __init__(self, stream: Readable, name: str, limit: int) -> None:
        self._stream = stream
        self._name = name
        self._limit = limit
        self._inflate = zlib.decompressobj(_GZIP)
        self._given = b""
        self._parts = 1
        self._taken = self._made = 0

    def header(self) -> tarfile.TarInfo | None:
        """Read the next header; None at the end, after checking that nothing follows."""
        block = self.exactly(BLOCK)
        if not any(block):
            self._finish()
            return None
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            raise ArchiveError(f"{self._name} is no tar: {error}") from error

    def exactly(self, size: int) -> bytes:
        """Read exactly ``size`` bytes."""
        parts = []
        while size:
            if not (part := self._read(size)):
                raise ArchiveError(f"{self._name} is cut off")
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _finish(self) -> None:
        padding = 0
        while block := self._read(PIECE):
            padding += len(block)
            if padding > MOST_PADDING or any(block):
                raise ArchiveError(f"{self._name} goes on behind its end")

    def _read(self, size: int) -> bytes:
        """Read at least 1 and at most ``size`` bytes; empty only at the end."""
        try:
            while True:
                if self._inflate.eof and not self._next_part():
                    return b""
                given = self._given or self._take()
                if not given:
                    raise ArchiveError(f"{self._name} is cut off")
                block = self._inflate.decompress(given, size)
                self._given = self._inflate.unconsumed_tail or self._inflate.unused_data
                if block:
                    self._count(len(block))
                    return block
        except zlib.error as error:  # an OSError is a fault of the disk, not of the archive
            raise ArchiveError(f"{self._name} cannot be unpacked: {error}") from error

    def _take(self) -> bytes:
        given = self._stream.read(PIECE)
        self._taken += len(given)
        return given

    def _next_part(self) -> bool:
        self._given = self._given or self._take()
        if not self._given:
            return False
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise ArchiveError(f"{self._name} is made of more than {MOST_PARTS} gzip files, the most allowed")
        self._inflate = zlib.decompressobj(_GZIP)
        return True

    def _count(self, made: int) -> None:
        self._made += made
        if self._made > self._limit:
            raise ArchiveError(f"{self._name} unpacks to more than {self._limit} bytes, the most allowed")
        if self._made > max(RATIO_FROM, MOST_RATIO * self._taken):
            raise ArchiveError(
                f"{self._name} unpacks to more than {MOST_RATIO} times its size, the most allowed"
            )
