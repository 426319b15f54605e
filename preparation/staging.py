r"""Rewrite text uploads, batch by batch, in the one dialect that DuckDB reads without guessing.

A staged line is ``<line number> US <fault of the whole row> US <field> US <field>...``, without quotes. The
characters US (0x1f), LF, CR and GS (0x1d) of a CSV value are escaped as GS and a letter (see `TRAVELS`);
`unescaped` decodes them. A NUL, or a CR outside quotes, rejects the row.
"""

from __future__ import annotations

import csv
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from preparation.lines import MAX_LINE, Lines
from relearn.errors import DataError
from relearn.spec.columns import shown

US = "\x1f"
ESCAPE = "\x1d"
TRAVELS = {US: ESCAPE + "u", "\n": ESCAPE + "n", "\r": ESCAPE + "r", ESCAPE: ESCAPE + "e"}
"""Escape of each character that cannot stand in a staged field. `unescaped` needs the escape itself to be last."""
BROKEN_QUOTES = "broken quotes: a quoted value is not closed, or text follows its closing quote; allowed: a quote doubled within quotes"
DIVIDERS = {"\t": "tabs", ";": "semicolons", "|": "vertical bars"}
"""Separators that other programs write; no column name contains one."""
BARE_CR = "it holds a bare carriage return; allowed: lines that end with LF or CRLF"
NUL_BYTE = "it holds a NUL byte; allowed: text without"
STAGED_MAX_LINE = 2 * MAX_LINE
"""Largest size of a staged line, in bytes: escaping doubles a line at most."""
_RESERVED = re.compile(rb"[\x00\r]")
_RESERVED_IN_JSON = re.compile(rb"[\x00\x1f\r]")
_TRAILING = re.compile(rb",\s*[}\]]")
_TRAVEL = str.maketrans(TRAVELS)


def unescaped(field: str) -> str:
    """Return SQL that decodes a staged field to its text."""
    text = field
    for meant, stands in TRAVELS.items():
        text = f"replace({text}, {_characters(stands)}, {_characters(meant)})"
    return f"CASE WHEN contains({field}, {_characters(ESCAPE)}) THEN {text} ELSE {field} END"


def _characters(text: str) -> str:
    return " || ".join(f"chr({ord(one)})" for one in text)


class Staging(ABC):
    """Writer of a text file's rows in batches that DuckDB reads.

    Parameters
    ----------
    lines
        Lines of the upload.
    fields
        Number of fields of every row.
    """

    def __init__(self, lines: Lines, fields: int) -> None:
        self.lines = lines
        self.fields = fields
        self._blanks = b"\x1f" * (fields - 1)

    def batches(self, path: Path, batch_bytes: int) -> Iterator[Path]:
        """Yield ``path`` each time that it holds the next batch of rows.

        Parameters
        ----------
        path
            File that each batch overwrites.
        batch_bytes
            Approximate size of a batch, in bytes.
        """
        more = True
        while more:
            with path.open("wb") as out:
                more = self._fill(out, batch_bytes)
            if path.stat().st_size:
                yield path

    def _fill(self, out: BinaryIO, batch_bytes: int) -> bool:
        written = 0
        while written < batch_bytes:
            line = self.lines.read()
            if not line:
                return False
            body = line.rstrip(b"\r\n")
            if body.strip():
                written += out.write(self.row(body, line))
        return True

    @abstractmethod
    def row(self, body: bytes, line: bytes) -> bytes:
        """Return the staged row that starts with ``line``; ``body`` is that line without its end."""

    def _fault(self, number: int, reason: str) -> bytes:
        return f"{number}{US}{reason}{US}".encode() + self._blanks + b"\n"


class JsonStaging(Staging):
    """JSON Lines: one field per row, the text of the object."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines, 1)

    def row(self, body: bytes, line: bytes) -> bytes:  # noqa: ARG002 - a JSON row is its one line
        """Return the staged row of one line."""
        if found := _RESERVED_IN_JSON.search(body):
            what = f"the control character 0x{found[0][0]:02x}; allowed: its escape, \\u{found[0][0]:04x}"
            return self._fault(self.lines.number, f"not a JSON object: got {what}")
        if _TRAILING.search(body):  # DuckDB accepts a trailing comma; within a string it is fine
            try:
                json.loads(body)
            except (ValueError, RecursionError):
                what = "not a JSON object: got a comma before a closing bracket; allowed: none there"
                return self._fault(self.lines.number, what)
        return b"%d\x1f\x1f%b\n" % (self.lines.number, body)


class CsvStaging(Staging):
    """CSV: the fields in the order of the file.

    Parameters
    ----------
    lines
        Lines of the upload; the header is read from it at once.

    Attributes
    ----------
    header
        Column names in the order of the file, without surrounding spaces.

    Raises
    ------
    DataError
        The header cannot be read, or uses another separator than the comma (code ``format``).
    """

    def __init__(self, lines: Lines) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
        self.header = _header(lines)
        super().__init__(lines, len(self.header))

    def row(self, body: bytes, line: bytes) -> bytes:
        """Return the staged row of the record that starts on ``line``."""
        number = self.lines.number
        if b'"' in body:
            return self._quoted(number, line)
        if found := _RESERVED.search(body):
            return self._fault(number, BARE_CR if found.group() == b"\r" else NUL_BYTE)
        if body.count(b",") != self.fields - 1:
            return self._ragged(number, body.count(b",") + 1)
        if b"\x1d" in body or b"\x1f" in body:
            body = body.decode().translate(_TRAVEL).encode()
        return b"%d\x1f\x1f%b\n" % (number, body.replace(b",", b"\x1f"))

    def _quoted(self, number: int, line: bytes) -> bytes:
        taken: list[bytes] = []
        try:
            fields = next(csv.reader(_record(self.lines, line, taken), strict=True))
        except csv.Error as error:
            self.lines.give_back(taken)
            return self._fault(number, BARE_CR if "new-line" in str(error) else BROKEN_QUOTES)
        if len(fields) != self.fields:
            return self._ragged(number, len(fields))
        if any("\0" in field for field in fields):
            return self._fault(number, NUL_BYTE)
        return f"{number}{US}{US}{US.join(field.translate(_TRAVEL) for field in fields)}\n".encode()

    def _ragged(self, number: int, fields: int) -> bytes:
        return self._fault(number, f"{fields} fields; allowed: {self.fields}, as in the header")


def _record(lines: Lines, line: bytes, taken: list[bytes]) -> Iterator[str]:
    """Yield the lines of one record as ``csv.reader`` asks for them; append all but the first to ``taken``.

    Raises
    ------
    csv.Error
        The record is longer than `MAX_LINE`.
    """
    size = len(line)
    while line:
        yield line.decode()
        line = lines.read()
        taken += [line] if line else []
        size += len(line)
        if size > MAX_LINE:
            raise csv.Error("the record is too long")


def _header(lines: Lines) -> list[str]:
    line = lines.read()
    while line and not line.strip():
        line = lines.read()
    number = lines.number
    if b"\r" in line.rstrip(b"\r\n") and b'"' not in line:
        raise DataError(
            "format",
            f"line {number} has a bare carriage return; allowed: lines that end with LF or CRLF",
        )
    _check_dividers(line.decode(), number)
    try:
        names = next(csv.reader(_record(lines, line, []), strict=True))
    except csv.Error as error:
        raise DataError(
            "format",
            f"the header on line {number} cannot be read: {error}; allowed: a quote doubled within quotes",
        ) from error
    if any("\0" in name for name in names):
        raise DataError(
            "format", f"the header holds a NUL byte: {shown(names)}; allowed: the names of the columns"
        )
    return [name.strip() for name in names]


def _check_dividers(line: str, number: int) -> None:
    """Refuse a header that has no comma but another separator of `DIVIDERS`."""
    for mark, title in DIVIDERS.items():
        if mark in line.strip() and "," not in line:
            raise DataError(
                "format",
                f"the header on line {number} is divided by {title}; allowed: commas, and a point in numbers; save the file so",
            )
