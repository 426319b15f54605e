"""Names of uploaded files: suffixes and their formats, allowed names, and names that are not data."""

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
"""Suffix to the format that it promises; those of text may be followed by `GZIP`."""
GZIP = ".gz"
"""Suffix of a gzipped file."""
MAX_LENGTH = 200
"""Maximum length of a name, in characters; the key then stays within the 1024 bytes that S3 allows."""
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
"""Suffixes, in lower case, that browsers, editors and copying programs give to unfinished files."""
DEBRIS = frozenset({"desktop.ini", "thumbs.db"})
"""Names, in lower case, of files that desktops create in every folder; those of macOS begin with a dot."""
FOLDER_MARKER = "$folder$"
"""Suffix of the empty objects that Hadoop writes in place of folders."""
_FIRST = r"[^\u0000-\u001f\u007f-\u009f/\\$\ufffe\uffff._]"
# S3 replaces ${filename} in a form's key by the name of the sender's file; XML, in which S3 lists keys, lacks the last two.
_CHARACTER = r"[^\u0000-\u001f\u007f-\u009f/\\$\ufffe\uffff]"


def _pattern() -> str:
    text = "|".join(_any_case(suffix) for suffix, kind in SUFFIXES.items() if kind != "parquet")
    rest = "|".join(_any_case(suffix) for suffix, kind in SUFFIXES.items() if kind == "parquet")
    return f"^{_FIRST}{_CHARACTER}*(({text})({_any_case(GZIP)})?|{rest})$"


def _any_case(suffix: str) -> str:
    """Return a case-insensitive pattern without flags, which JSON Schema does not have."""
    return r"\." + "".join(f"[{letter}{letter.upper()}]" for letter in suffix[1:])


PATTERN = _pattern()
"""Pattern of an allowed name, in JSON Schema's dialect of regular expressions; the length is checked
separately."""
_COMPILED = re.compile(PATTERN.strip("^$"))


def is_allowed(name: object) -> bool:
    """Return whether a caller may upload a file under this name."""
    if not isinstance(name, str) or len(name) > MAX_LENGTH or not _COMPILED.fullmatch(name):
        return False
    return not any(
        "\ud800" <= character <= "\udfff" for character in name
    )  # UTF-8 cannot encode a lone surrogate


def no_data(path: str) -> str:
    """Describe why a file is not data, by its name; empty when it may be data.

    Files that are written beside data thus create no upload. Spark and Hive ignore names that begin with a
    dot or an underscore (``_SUCCESS``, ``_temporary/``, ``.part-0.csv.crc``) when they read a folder, except
    folders of a partition (``_day=1``) (Spark's ``PartitioningAwareFileIndex``). Other programs leave
    unfinished files when they are interrupted.

    Parameters
    ----------
    path
        Path below the model's or table's folder, with ``/`` between folders.
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
