"""JSON Lines, one instance per line: checks a whole file in one pass, without holding it in memory.

Line n of the answer is about line n of the file, so an empty line is an error; only the last newline may be
missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from relearn.api import strict_json
from relearn.api.request_schema import check_instance
from relearn.errors import ArchiveError, FieldError, InvalidLinesError, LineError
from relearn.spec.model import ModelSpec

MEDIA_TYPE = "application/jsonlines"
ERRORS = "errors"
"""Key of the errors, ``{"pointer", "detail"}`` each, in the answer to a line without a prediction."""
REFUSED = "__refused__"
"""Key that marks a line as refused before scoring, with the errors as value; no column can have this name."""
MAX_LINE_BYTES = 500_000
"""Maximum length of one line, in bytes: a line is never split between requests to a model."""
MAX_ERRORS = 20
"""Maximum number of errors that are reported for one file."""
_DETAIL_LENGTH = 300


def check_lines(spec: ModelSpec, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the instances of a file; after the last line, raise if any line was wrong.

    Parameters
    ----------
    spec
        Spec of the model.
    lines
        Lines of the file, with or without newlines; a line that is longer than `MAX_LINE_BYTES` may be
        truncated.

    Raises
    ------
    InvalidLinesError
        A line is wrong, or the file has none. Raised after the last line, or after `MAX_ERRORS` errors.
    """
    errors: list[LineError] = []
    number = 0
    for number, line in enumerate(lines, 1):
        instance, wrong = _read(spec, line.removeprefix(strict_json.BOM) if number == 1 else line)
        if not wrong:
            yield instance
        errors += [LineError(number, pointer, detail[:_DETAIL_LENGTH]) for pointer, detail in wrong]
        if len(errors) >= MAX_ERRORS:
            break
    if number == 0:
        errors.append(LineError(1, "", "the file is empty; allowed: one JSON object a line"))
    if errors:
        raise InvalidLinesError(tuple(errors[:MAX_ERRORS]))


def read_line(spec: ModelSpec, line: bytes) -> tuple[Any, list[FieldError]]:
    """Parse and check one line of a file; return the instance and its errors."""
    instance, wrong = _read(spec, line)
    return instance, [FieldError(pointer, detail[:_DETAIL_LENGTH]) for pointer, detail in wrong]


def refused(errors: Iterable[FieldError]) -> bytes:
    """Return the line that replaces a refused one."""
    return json.dumps({REFUSED: [asdict(error) for error in errors]}).encode() + b"\n"


def refused_errors(line: bytes) -> list[FieldError] | None:
    """Return the errors in a line that `refused` wrote; None for any other line."""
    if not line.startswith(b'{"' + REFUSED.encode()):
        return None
    return [FieldError(**error) for error in json.loads(line)[REFUSED]]


def _read(spec: ModelSpec, line: bytes) -> tuple[Any, list[tuple[str, str]]]:
    """Parse and check one line; return the instance and its errors as (pointer, detail)."""
    if len(line) > MAX_LINE_BYTES:
        return None, [("", f"got more than {MAX_LINE_BYTES} bytes; allowed: at most {MAX_LINE_BYTES}")]
    if line.startswith(strict_json.BOM):
        return None, [("", "got a byte order mark; allowed: one, before the first line of a file")]
    if not line.strip():
        return None, [("", "got an empty line; allowed: one JSON object a line")]
    try:
        instance = strict_json.loads(line, "the line", rounded=True)
    except ArchiveError as error:
        return None, [("", str(error))]
    return instance, [(error.pointer, error.detail) for error in check_instance(spec, instance)]
