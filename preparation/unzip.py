"""The text in a gzipped file, unpacked as it is read: a bounded number of members, however small each is.

``gzip.GzipFile`` goes on through empty members without giving a byte back: a file of a million of them, 20 bytes each,
kept it for hours. Here every member counts.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO

from relearn.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_MEMBERS = 1000
"""Members of a file beyond one in `MEMBER_BYTES` unpacked bytes: ``bgzip`` writes one in 64 KB, and an empty last one."""
MEMBER_BYTES = 4096
_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
WHOLE_GZIP = "allowed: a whole gzip stream; pack the file again, or upload it unpacked"


def zlib_words(error: Exception) -> str:
    """Give what a reader of gzip says, without the number and the call that zlib puts before it."""
    return str(error).rpartition(": ")[2]


class GzipReader(io.RawIOBase):
    """Reads the unpacked bytes of a gzip file.

    Parameters
    ----------
    file
        Open at its beginning.

    Raises
    ------
    EOFError
        While reading: the last member is not whole.
    zlib.error
        While reading: it is damaged.
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
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer as far as the next piece goes; 0 at the end."""
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
        """Begin the next member; False when there is none. Zeros that pad the last one are passed over, as gzip does."""
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
