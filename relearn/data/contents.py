"""Digest of an artifact by its files, independent of how they are packed.

A server sees the files and never the archive, so it cannot check the digest of the archive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from relearn.data import archives
from relearn.data.archives import Limits, Readable
from relearn.spec.codec import canonical_json


def digest(files: Mapping[str, str]) -> str:
    """Return the SHA-256 (hex) of an artifact's files.

    Parameters
    ----------
    files
        Name of every file to the SHA-256 (hex) of its content.
    """
    return hashlib.sha256(canonical_json(dict(files)).encode()).hexdigest()


def of_archive(stream: Readable, name: str, limits: Limits) -> dict[str, str]:
    """Read an archive to its end, and return the input of `digest`.

    Parameters
    ----------
    stream, name, limits
        As of `relearn.data.archives.files`.

    Raises
    ------
    ArchiveError
        The archive is damaged, exceeds a limit, or has something ambiguous.
    """
    return {member.name: of_blocks(member.blocks()) for member in archives.files(stream, name, limits)}


def of_blocks(blocks: Iterable[bytes]) -> str:
    """Return the SHA-256 (hex) of content that comes in blocks."""
    content = hashlib.sha256()
    for block in blocks:
        content.update(block)
    return content.hexdigest()
