"""What an artifact is, file by file: one digest that any change of any file changes, however it is packed.

A server sees files and never the archive they came in, so its digest does not tell it whether they are what was judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from relearn.data import archives
from relearn.data.archives import Limits, Readable
from relearn.spec.codec import canonical_json


def digest(files: Mapping[str, str]) -> str:
    """SHA-256 (hex) of an artifact.

    Parameters
    ----------
    files
        Name to the SHA-256 (hex) of its content, of every file.
    """
    return hashlib.sha256(canonical_json(dict(files)).encode()).hexdigest()


def of_archive(stream: Readable, name: str, limits: Limits) -> dict[str, str]:
    """Read an archive to its end, and keep nothing of it but what `digest` takes.

    Parameters
    ----------
    stream, name, limits
        As of `relearn.data.archives.files`.

    Raises
    ------
    ArchiveError
        As `relearn.data.archives.files`.
    """
    return {member.name: of_blocks(member.blocks()) for member in archives.files(stream, name, limits)}


def of_blocks(blocks: Iterable[bytes]) -> str:
    """SHA-256 (hex) of a content that comes in pieces."""
    content = hashlib.sha256()
    for block in blocks:
        content.update(block)
    return content.hexdigest()
