"""JSON Lines: one instance a line. Checks a whole file in one pass, without holding it.

Every line is one instance, so that line n of the answer is about line n of the file: an empty line
is an error, only the end of the last line may be missing.
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
"""What the answer to a line that has none holds instead: what is wrong with it, ``{"pointer", "detail"}`` each."""
REFUSED = "__refused__"
"""Stands, with `ERRORS` of it, where a line was refused before it was scored: no column can be named so."""
MAX_LINE_BYTES = 500_000
"""Length of one line at most: a line is never split between requests to a model."""
MAX_ERRORS = 20
"""Wrong values reported of one file at most."""
_DETAIL_LENGTH = 300


def check_lines(spec: ModelSpec, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Give the instances of a file one by one, and at its end say everything that was wrong.

    Parameters
    ----------
    spec
        The model's spec.
    lines
        The file's lines, with or without their ends; one that is longer than `MAX_LINE_BYTES` may be
        given cut.

    Raises
    ------
    InvalidLinesError
        After the last line, or after `MAX_ERRORS` errors. A file without lines is wrong too.
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
    """Read a line of a file: the instance, and what is wrong with it."""
    instance, wrong = _read(spec, line)
    return instance, [FieldError(pointer, detail[:_DETAIL_LENGTH]) for pointer, detail in wrong]


def refused(errors: Iterable[FieldError]) -> bytes:
    """Write what stands for a line that was refused."""
    return json.dumps({REFUSED: [asdict(error) for error in errors]}).encode() + b"\n"


def refused_errors(line: bytes) -> list[FieldError] | None:
    """Read what `refused` wrote; None when the line is another."""
    if not line.startswith(b'{"' + REFUSED.encode()):
        return None
    return [FieldError(**error) for error in json.loads(line)[REFUSED]]


def _read(spec: ModelSpec, line: bytes) -> tuple[Any, list[tuple[str, str]]]:
    """Read one line; what is wrong with it as (pointer, detail)."""
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
