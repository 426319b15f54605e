"""Read the physical lines of a text file, one at a time, with their numbers."""

from __future__ import annotations

import gzip
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import BinaryIO

from preparation.deadline import Deadline
from preparation.outcome import RATIO, RATIO_FROM
from preparation.sniff import BOM
from preparation.unzip import WHOLE_GZIP, zlib_words
from relearn.errors import DataError

MAX_LINE = 1024 * 1024
"""Largest size of a line, and of a CSV record, in bytes."""
LOOK_EVERY = 1024 * 1024
"""Unpacked bytes between two checks of the compression ratio and the deadline."""


class Lines:
    """Reader of lines that checks their encoding and size, and takes lines back.

    Parameters
    ----------
    stream
        Bytes of the text, unpacked.
    max_bytes
        Largest number of unpacked bytes.
    packed
        For gzip: returns the number of bytes of the file read so far. None: the file is not compressed.
    size
        Size of the file, in bytes; only reported.
    deadline
        Time limit of the check; None: no limit.

    Attributes
    ----------
    number
        Number of the line that `read` returned last, from 1; 0 before the first.
    """

    def __init__(
        self,
        stream: BinaryIO,
        max_bytes: int,
        packed: Callable[[], int] | None = None,
        *,
        size: int = 0,
        deadline: Deadline | None = None,
    ) -> None:
        self.number = 0
        self._stream = stream
        self._max_bytes = max_bytes
        self._packed = packed
        self._size = size
        self._deadline = deadline or Deadline(None)
        self._look_at = min(LOOK_EVERY, RATIO_FROM)
        self._offset = 0
        self._returned: deque[bytes] = deque()

    def read(self) -> bytes:
        r"""Return the next line with its ``\n``; empty at the end.

        Raises
        ------
        DataError
            ``encoding``, ``format`` (line too long, corrupt gzip), ``too_large`` or ``too_slow``.
        """
        if self._returned:
            self.number += 1
            return self._returned.popleft()
        try:
            line = self._stream.readline(MAX_LINE + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:  # an OSError is no fault of the file
            raise DataError(
                "format",
                f"the gzip stream is corrupt after line {self.number}: {zlib_words(error)}; {WHOLE_GZIP}",
            ) from error
        if not line:
            return b""
        self.number += 1
        if not line.isascii():
            self._check_encoding(line)
        self._offset += len(line)
        if self._offset > self._max_bytes:
            raise DataError(
                "too_large",
                f"the file unpacks to more than {self._max_bytes} bytes; allowed: {self._max_bytes}; split the file",
            )
        if self._offset > self._look_at:
            self._look()
        if len(line) > MAX_LINE:
            raise DataError(
                "format",
                f"line {self.number} is longer than {MAX_LINE} bytes; allowed: {MAX_LINE}, and lines that end with LF or CRLF",
            )
        return line.removeprefix(BOM) if self.number == 1 else line

    def give_back(self, lines: Iterable[bytes]) -> None:
        """Take back the last lines read, in the order they were read; `read` returns them again."""
        kept = list(lines)
        self._returned.extendleft(reversed(kept))
        self.number -= len(kept)

    def _look(self) -> None:
        self._look_at = self._offset + LOOK_EVERY
        packed = self._offset if self._packed is None else self._packed()
        self._deadline.check(f"{packed} of {self._size} bytes, {self.number} lines")
        if self._offset > RATIO_FROM and self._offset > RATIO * packed:
            raise DataError(
                "too_large",
                f"{packed} bytes of gzip unpack to {self._offset} and more; allowed: at most {RATIO} times its size "
                f"beyond {RATIO_FROM} bytes; if its rows are meant, upload it unpacked or as Parquet",
            )

    def _check_encoding(self, line: bytes) -> None:
        try:
            line.decode()
        except UnicodeDecodeError as error:
            if len(line) > MAX_LINE and error.end >= MAX_LINE:
                return  # cut inside a character: `read` refuses the length instead
            utf16 = self.number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff"))
            raise DataError(
                "encoding",
                f"not UTF-8: byte 0x{line[error.start]:02x} on line {self.number}, "
                f"byte offset {self._offset + error.start}{'; it looks like UTF-16' if utf16 else ''}; allowed: UTF-8; save the file so",
            ) from error
