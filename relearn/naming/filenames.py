"""Names of uploaded files: which suffixes promise which content, what a caller may call a file, and which files are no data."""

from __future__ import annotations

import re
from typing import Literal

Format = Literal["csv", "jsonl", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
"""Suffix to what it promises; those of text may be followed by `GZIP`."""
GZIP = ".gz"
MAX_LENGTH = 200
"""Characters: with the rest of its key it stays within the 1024 bytes that S3 takes."""
ALLOWED = (
    f"1 to {MAX_LENGTH} characters that end in one of {', '.join(SUFFIXES)} (all but .parquet also with {GZIP}), "
    'without control characters, "/", "\\" and "$", and not beginning with "." or "_"'
)
PARTIAL = (
    ".crdownload",
    ".download",
    ".filepart",
    ".part",
    ".partial",
    ".swp",
    ".temp",
    ".tmp",
    "._copying_",
    "~",
)
"""Ends of the names that browsers, editors and copying programs give to files they have not finished, in lower case."""
DEBRIS = frozenset({"desktop.ini", "thumbs.db"})
"""Names of files that desktops leave in every folder, in lower case; those of macOS begin with a dot."""
FOLDER_MARKER = "$folder$"
"""How the names end of the empty objects that Hadoop writes in place of folders."""
_FIRST = r"[^\u0000-\u001f\u007f-\u009f/\\$\ufffe\uffff._]"
# S3 puts the name of the sender's file where a form's key has ${filename}; the last two are not XML, in which S3 lists.
_CHARACTER = r"[^\u0000-\u001f\u007f-\u009f/\\$\ufffe\uffff]"


def _pattern() -> str:
    text = "|".join(_any_case(suffix) for suffix, kind in SUFFIXES.items() if kind != "parquet")
    rest = "|".join(_any_case(suffix) for suffix, kind in SUFFIXES.items() if kind == "parquet")
    return f"^{_FIRST}{_CHARACTER}*(({text})({_any_case(GZIP)})?|{rest})$"


def _any_case(suffix: str) -> str:
    """Write a pattern without flags, which JSON Schema does not have."""
    return r"\." + "".join(f"[{letter}{letter.upper()}]" for letter in suffix[1:])


PATTERN = _pattern()
"""A regular expression in JSON Schema's dialect; its length is apart."""
_COMPILED = re.compile(PATTERN.strip("^$"))


def is_allowed(name: object) -> bool:
    """Tell whether a caller may send a file under this name."""
    if not isinstance(name, str) or len(name) > MAX_LENGTH or not _COMPILED.fullmatch(name):
        return False
    return not any("\ud800" <= character <= "\udfff" for character in name)  # half a character is no UTF-8


def no_data(path: str) -> str:
    """Say why a file is not data, whatever it holds; empty when it may be.

    What is written beside data is told by the names alone, so that it makes no upload: Spark and Hive leave out what
    begins with a dot or an underscore (``_SUCCESS``, ``_temporary/``, ``.part-0.csv.crc``) when they read a folder,
    folders of a partition (``_day=1``) excepted (Spark's ``PartitioningAwareFileIndex``); the others leave theirs behind
    when they are interrupted.

    Parameters
    ----------
    path
        Its name, after those of its folders, with ``/`` between them.
    """
    *folders, name = path.split("/")
    for part in (*folders, name):
        if part.startswith(".") or (part.startswith("_") and "=" not in part):
            return f"{part!r} begins with {part[0]!r}: hidden, or a program's own note"
    small = name.lower()
    if not small:
        return "it is a folder"
    if small.endswith(FOLDER_MARKER):
        return f"{name!r} stands for a folder"
    if small.endswith(PARTIAL):
        return f"{name!r} is not finished, by the end of its name"
    if small in DEBRIS or small.startswith("~$"):
        return f"{name!r} is what a desktop program leaves in a folder"
    return ""
