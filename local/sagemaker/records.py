"""How batch transform cuts an object into records and requests, and puts the answers together again."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedIOBase
    from pathlib import Path

_MEGABYTE = 1024**2
DEFAULT_PAYLOAD_MB = 6
LARGEST_PAYLOAD_MB = 100
"""What MaxPayloadInMB may be at most; 0, which is no limit of the job's, is limited by it."""


class RecordError(Exception):
    """An object cannot be cut as the job asks."""


def requests(file: Path, job: dict[str, Any]) -> Iterator[bytes]:
    """Cut an object into the bodies of requests.

    Parameters
    ----------
    file : Path
        The object.
    job : dict
        CompressionType and SplitType of its input, BatchStrategy, MaxPayloadInMB (0 is no limit).

    Raises
    ------
    RecordError
        A record is larger than a request may be, or the object is not what CompressionType says.
    """
    source = job["TransformInput"]
    limit = (job.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB) or LARGEST_PAYLOAD_MB) * _MEGABYTE
    try:
        with gzip.open(file) if source.get("CompressionType") == "Gzip" else file.open("rb") as content:
            if source.get("SplitType", "None") == "None":
                yield _fitting(content.read(limit + 1), limit)
            elif job.get("BatchStrategy", "MultiRecord") == "SingleRecord":
                yield from _lines(content, limit)
            else:
                yield from _together(_lines(content, limit), limit)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RecordError(f"{file.name} is not gzip: {error}") from error


def assembled(answers: Iterable[bytes], assemble_with: str) -> Iterator[bytes]:
    """Put answers together: ``None`` as they are, ``Line`` with a line break after each."""
    for answer in answers:
        yield answer
        if assemble_with == "Line":
            yield b"\n"


def _lines(content: BufferedIOBase, limit: int) -> Iterator[bytes]:
    """Give line by line, never more of one than a request may have: a small gzip holds a line without an end."""
    while line := content.readline(limit + 1):
        yield _fitting(line, limit)


def _together(lines: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """As many whole lines in a request as fit."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and size + len(line) > limit:
            yield b"".join(batch)
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield b"".join(batch)


def _fitting(record: bytes, limit: int) -> bytes:
    if len(record) > limit:
        raise RecordError(f"a record is larger than MaxPayloadInMB allows ({limit} bytes)")
    return record
