"""Reads the body of an invocation.

A body that is right is decoded and checked in one pass of compiled code, made from the spec. A
body that is wrong is read again by `relearn.api.request_schema`, which finds every mistake and words for it;
both accept exactly the same bodies.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from relearn.api import strict_json
from relearn.api.jsonlines import check_lines, read_line
from relearn.api.request_schema import MAX_INSTANCES, check_request
from relearn.errors import ArchiveError, FieldError, InvalidInstancesError, UnanswerableError
from relearn.spec.columns import LARGEST_FLOAT32
from relearn.spec.model import Boolean, Category, Column, DateTime, Id, ModelSpec, Number, Text

Row = tuple[Any, ...]
_INSTANCES = b'"instances"'
_ESCAPES = re.compile(rb"\\u(00[03567]|[dD][89a-fA-F])")
"""Of NUL, of what a column's name may consist of, and of halves of characters."""


class Reader:
    """Reads requests to one model.

    Parameters
    ----------
    spec
        The model's spec.
    reach
        How far from zero numbers may be that the spec sets no bound; None: as far as float32 goes.
    """

    def __init__(self, spec: ModelSpec, reach: float | None = None) -> None:
        self._spec = spec
        self._answered = spec if reach is None else _within(spec, reach)
        row = _row_type(self._answered)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_request_type(row)).decode
        self._decode_lines: Callable[[bytes], list[Any]] = msgspec.json.Decoder(row).decode_lines
        # a date-time is only a string to the compiled check
        self._moments = [(at, one) for at, one in enumerate(spec.columns) if isinstance(one, DateTime)]
        self._keys = [
            (at, f'"{column.name}"'.encode(), column.optional) for at, column in enumerate(spec.columns)
        ]

    def parse(self, body: bytes) -> list[Row]:
        """Read and check a body.

        Parameters
        ----------
        body
            JSON: ``{"instances": [{column: value, ...}, ...]}``.

        Returns
        -------
        list of tuple
            The values of each instance in the order of the spec's columns, None where missing.

        Raises
        ------
        InvalidInstancesError
            It is not JSON, or breaks the spec; with a JSON pointer for every wrong value.
        UnanswerableError
            It fits the spec, but numbers are out of reach.
        """
        try:
            rows = list(map(msgspec.structs.astuple, self._decode(body).instances))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_in_words(body)
        if body.count(_INSTANCES) != 1 or not self._is_plain(body, rows) or self._has_wrong_moment(rows):
            return self._read_in_words(body)
        return rows

    def read_lines(self, body: bytes) -> list[Row]:
        """Read and check a body of JSON Lines: one instance a line, as many as there are.

        Raises
        ------
        InvalidLinesError
            With the number of each wrong line.
        """
        try:
            rows = list(map(msgspec.structs.astuple, self._decode_lines(body)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_lines_in_words(body)
        # the compiled check skips empty lines and takes two instances in one: neither is a row a line
        whole = len(rows) == _count_lines(body) and self._is_plain(body, rows)
        if not rows or not whole or self._has_wrong_moment(rows):
            return self._read_lines_in_words(body)
        return rows

    def read_line(self, line: bytes) -> tuple[Row | None, list[FieldError]]:
        """Read and check one line of a file: its row, or what is wrong with it."""
        instance, wrong = read_line(self._answered, line)
        if wrong:
            return None, wrong
        return tuple(instance.get(column.name) for column in self._spec.columns), []

    def _is_plain(self, body: bytes, rows: list[Row]) -> bool:
        """Tell whether every column is surely there once in each row, and no text holds a NUL or half a character.

        The compiled check lets the last of two equal keys win. The names are counted instead; where that tells nothing
        (a name that is a value too, or is written with an escape; a null beside a missing value) the body is read again.
        """
        if _ESCAPES.search(body):
            return False
        nulls = b"null" in body
        for at, key, optional in self._keys:
            given = sum(row[at] is not None for row in rows) if optional else len(rows)
            if body.count(key) != given or (nulls and given < len(rows)):
                return False
        return True

    def _has_wrong_moment(self, rows: list[Row]) -> bool:
        return any(
            row[at] is not None
            and (column.problem(row[at]) or (not column.optional and column.means_missing(row[at])))
            for at, column in self._moments
            for row in rows
        )

    def _read_lines_in_words(self, body: bytes) -> list[Row]:
        names = [column.name for column in self._spec.columns]
        return [tuple(row.get(name) for name in names) for row in check_lines(self._answered, lines_of(body))]

    def _read_in_words(self, body: bytes) -> list[Row]:
        try:
            request = strict_json.loads(body, "the body", rounded=True)
        except ArchiveError as error:
            raise InvalidInstancesError((FieldError("", str(error)),)) from error
        names = [column.name for column in self._spec.columns]
        rows = check_request(self._spec, request)
        try:
            check_request(self._answered, request)
        except InvalidInstancesError as error:
            raise UnanswerableError(error.errors) from error
        return [tuple(row.get(name) for name in names) for row in rows]


def lines_of(body: bytes) -> list[bytes]:
    """Cut a body into its lines; the last line's end starts no line."""
    lines = body.split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def _within(spec: ModelSpec, reach: float) -> ModelSpec:
    """Give the spec with a bound for every number that has none."""
    return replace(spec, columns=tuple(_bounded(column, reach) for column in spec.columns))


def _bounded(column: Column, reach: float) -> Column:
    if not isinstance(column, Number):
        return column
    low = -reach if column.minimum is None else column.minimum
    return replace(column, minimum=low, maximum=reach if column.maximum is None else column.maximum)


def _count_lines(body: bytes) -> int:
    return body.count(b"\n") + (not body.endswith(b"\n"))


def _request_type(row: type) -> type:
    instances = Annotated[list[row], Meta(min_length=1, max_length=MAX_INSTANCES)]  # type: ignore[valid-type]
    return msgspec.defstruct("Request", [("instances", instances)], forbid_unknown_fields=True)


def _row_type(spec: ModelSpec) -> type:
    fields: list[Any] = []
    for index, column in enumerate(spec.columns):
        kind = _value_type(column)
        default = {"default": None} if column.optional else {}
        # numbered, because a column may be called as a word of Python's
        fields.append(
            (
                f"c{index}",
                kind | None if column.optional else kind,
                msgspec.field(name=column.name, **default),
            )
        )
    return msgspec.defstruct("Row", fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def _value_type(column: Column) -> Any:
    match column:
        case Number():
            low = -LARGEST_FLOAT32 if column.minimum is None else column.minimum
            high = LARGEST_FLOAT32 if column.maximum is None else column.maximum
            return Annotated[float, Meta(ge=low, le=high)]
        case Boolean():
            return bool
        case Category():
            return Literal[column.values]
        case Text():
            return Annotated[str, Meta(max_length=column.max_length)]
        case Id():
            return Annotated[str, Meta(min_length=1, max_length=column.max_length)]
        case DateTime():
            return str
