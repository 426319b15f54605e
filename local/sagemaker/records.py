"""Splits a batch transform's input into request bodies, and assembles the answers."""

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
"""Maximum of MaxPayloadInMB, which also applies when it is 0 (no limit)."""


class RecordError(Exception):
    """An object cannot be split as the job requires."""


def requests(file: Path, job: dict[str, Any]) -> Iterator[bytes]:
    """Split an object into request bodies.

    Parameters
    ----------
    file : Path
        The downloaded object.
    job : dict
        Record of the job, with CompressionType, SplitType, BatchStrategy and MaxPayloadInMB.

    Raises
    ------
    RecordError
        When a record is larger than MaxPayloadInMB, or the object is not in the given compression.
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
    """Yield the answers, each followed by a line break when `assemble_with` is ``Line``."""
    for answer in answers:
        yield answer
        if assemble_with == "Line":
            yield b"\n"


def _lines(content: BufferedIOBase, limit: int) -> Iterator[bytes]:
    """Yield lines, reading at most `limit` bytes of each, because a small gzip file can hold an endless line."""
    while line := content.readline(limit + 1):
        yield _fitting(line, limit)


def _together(lines: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield bodies of as many whole lines as fit."""
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
