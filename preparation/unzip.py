"""Unpack a gzip file as a stream, with a bounded number of members.

``gzip.GzipFile`` reads through empty members without returning a byte: a file of a million of them, 20 bytes
each, kept it busy for hours. Here every member counts against the limit.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO

from relearn.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_MEMBERS = 1000
"""Most members of a file, besides one per `MEMBER_BYTES` unpacked bytes.

``bgzip`` writes one member per 64 KB, and an empty last one.
"""
MEMBER_BYTES = 4096
_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
WHOLE_GZIP = "allowed: a whole gzip stream; pack the file again, or upload it unpacked"


def zlib_words(error: Exception) -> str:
    """Return the message of a gzip error without zlib's number and call before it."""
    return str(error).rpartition(": ")[2]


class GzipReader(io.RawIOBase):
    """Reader of the unpacked bytes of a gzip file.

    Parameters
    ----------
    file
        Gzip file, open at its beginning.

    Raises
    ------
    EOFError
        While reading: the last member is incomplete.
    zlib.error
        While reading: the data is corrupt.
    DataError
        While reading: it has too many members (code ``format``).
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._packed = b""
        self._member: zlib._Decompress | None = None
        self._members = 0
        self._given = 0

    def readable(self) -> bool:
        """Return True: the stream can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read up to ``len(buffer)`` unpacked bytes into the buffer; return their number, 0 at the end."""
        view = memoryview(buffer).cast("B")
        while True:
            self._packed = self._packed or self._file.read(_PIECE)
            if self._member is None and not self._begin():
                return 0
            data = self._unpack(len(view))
            if data:
                view[: len(data)] = data
                self._given += len(data)
                return len(data)

    def _begin(self) -> bool:
        """Start the next member; return False when there is none. Zero padding after a member is skipped, as gzip does.

        Raises
        ------
        DataError
            The file has too many members (code ``format``).
        """
        while self._members and self._packed[:1] == b"\0":
            self._packed = self._packed.lstrip(b"\0") or self._file.read(_PIECE)
        if not self._packed:
            return False
        self._members += 1
        if self._members > MAX_MEMBERS + self._given // MEMBER_BYTES:
            raise DataError(
                "format",
                f"the gzip stream has more than {self._members - 1} members in its first {self._given} unpacked bytes; "
                f"allowed: {MAX_MEMBERS} and one more for every {MEMBER_BYTES} bytes; pack the file in one piece",
            )
        self._member = zlib.decompressobj(_GZIP)
        return True

    def _unpack(self, most: int) -> bytes:
        assert self._member is not None  # noqa: S101 - `_begin` made it
        if not self._packed:
            raise EOFError("the file ends within a member")
        data = self._member.decompress(self._packed, most)
        if self._member.eof:
            self._packed, self._member = self._member.unused_data, None
        else:
            self._packed = self._member.unconsumed_tail
        return data
