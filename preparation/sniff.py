"""Detect the format of a file from its first bytes, and refuse a name that contradicts it."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from preparation.unzip import WHOLE_GZIP, GzipReader, zlib_words
from relearn.errors import DataError
from relearn.naming import filenames
from relearn.naming.filenames import SUFFIXES, Format

TITLES: dict[Format, str] = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
BOM = b"\xef\xbb\xbf"
FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"%PDF": "a PDF",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}
HEAD = 4096
"""Bytes read at a time to detect the format."""
PIECE = 1 << 18
"""Buffer for unpacked text, in bytes."""
MAX_BLANK = 1024 * 1024
"""Most bytes of white space at the start of a file; without a limit, a small gzip file could hold endless blanks."""
ALLOWED = "allowed: CSV or JSON Lines (also gzipped), or Parquet"


@dataclass(frozen=True, slots=True)
class Kind:
    """Format of a file.

    Parameters
    ----------
    format
        How its rows are written.
    gzipped
        Whether the file is compressed.
    """

    format: Format
    gzipped: bool


def detect(source: Path, name: str) -> Kind:
    """Detect the format of ``source``.

    Parameters
    ----------
    source
        The file.
    name
        Name that the owner gave it; only the suffix matters.

    Raises
    ------
    DataError
        ``empty``: the file holds only white space. ``format``: the content has no allowed format, not the
        format that the name promises, or is corrupt gzip.
    """
    with source.open("rb") as file:
        gzipped = file.read(len(GZIP)) == GZIP
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    named_gzip = bool(suffixes) and suffixes[-1] == filenames.GZIP
    if named_gzip and not gzipped:
        raise DataError("format", f"{name} is named .gz but is not gzip; {ALLOWED}")
    head = _head(source, gzipped=gzipped)
    found = _format(head, name)
    if gzipped and found == "parquet":
        raise DataError(
            "format",
            f"{name} is Parquet inside gzip; allowed: Parquet alone, which is compressed already: upload it plain",
        )
    rest = suffixes[:-1] if named_gzip else suffixes
    promised = SUFFIXES.get(rest[-1]) if rest else None
    if promised is not None and promised != found and not (promised == "jsonl" and found == "csv"):
        raise DataError(
            "format",
            f"{name} is named {rest[-1]} but its content is {TITLES[found]}; allowed: a name of its format, or none",
        )
    # Text that is no object may still be JSON Lines with a bad first line: checking its rows decides.
    return Kind(promised or found, gzipped)


def open_text(file: BinaryIO, *, gzipped: bool) -> BinaryIO:
    """Return a stream of the unpacked bytes of a text file."""
    return cast("BinaryIO", io.BufferedReader(GzipReader(file), PIECE)) if gzipped else file


def _head(source: Path, *, gzipped: bool) -> bytes:
    try:
        with source.open("rb") as file, open_text(file, gzipped=gzipped) as text:
            head = text.read(HEAD).removeprefix(BOM)
            blank = 0
            while head and not head.strip() and (more := text.read(HEAD)):
                head, blank = more, blank + HEAD
                if blank > MAX_BLANK:
                    raise DataError(
                        "format",
                        f"the first {blank} bytes of the file are white space; allowed: {MAX_BLANK} at most",
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:  # an OSError is no fault of the file
        raise DataError("format", f"the gzip stream is corrupt: {zlib_words(error)}; {WHOLE_GZIP}") from error
    return head.lstrip()


def _format(head: bytes, name: str) -> Format:
    if not head:
        raise DataError(
            "empty", "the file holds nothing but white space; allowed: a header and at least one row"
        )
    if head.startswith(PARQUET):
        return "parquet"
    for magic, title in FOREIGN.items():
        if head.startswith(magic):
            raise DataError("format", f"the file {name} is {title}; {ALLOWED}")
    if head.startswith(b"["):
        raise DataError("format", f"the file {name} is a JSON array; allowed in JSON: one object a line")
    return "jsonl" if head.startswith(b"{") else "csv"
