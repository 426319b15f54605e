"""Names of uploaded files: which suffixes promise which content, and what a caller may call a file."""

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
    'without control characters, "/", "\\" and "$"'
)
# S3 puts the name of the sender's file where a form's key has ${filename}; the last two are not XML, in which S3 lists.
_CHARACTER = r"[^\u0000-\u001f\u007f-\u009f/\\$\ufffe\uffff]"


def _pattern() -> str:
    text = "|".join(_any_case(suffix) for suffix, kind in SUFFIXES.items() if kind != "parquet")
    rest = "|".join(_any_case(suffix) for suffix, kind in SUFFIXES.items() if kind == "parquet")
    return f"^{_CHARACTER}+(({text})({_any_case(GZIP)})?|{rest})$"


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
