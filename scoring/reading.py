"""Read and check the body of an invocation.

A valid body is decoded and checked in one pass of compiled code, generated from the spec. An invalid body is
read again by `relearn.api.request_schema`, which finds and describes every mistake. Both accept exactly the
same bodies.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from relearn.api import strict_json
from relearn.api.jsonlines import check_lines, read_line
from relearn.api.request_schema import MAX_INSTANCES, check_request
from relearn.errors import ArchiveError, FieldError, InvalidInstancesError, UnanswerableError
from relearn.spec.columns import LARGEST_FLOAT32
from relearn.spec.model import Boolean, Category, Column, DateTime, Id, ModelSpec, Number, Ranking, Text

Row = tuple[Any, ...]
_INSTANCES = b'"instances"'
_ESCAPES = re.compile(rb"\\u(00[03567]|[dD][89a-fA-F])")
"""Escapes of NUL, of characters that column names consist of, and of surrogates."""


class Reader:
    """Reader of requests to one model.

    Parameters
    ----------
    spec
        Spec of the model.
    reach
        Largest absolute value allowed in number columns without a bound in the spec; None: any float32.
    """

    def __init__(self, spec: ModelSpec, reach: float | None = None) -> None:
        self._spec = spec
        self._answered = spec if reach is None else _within(spec, reach)
        row = _row_type(self._answered)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_request_type(row)).decode
        self._decode_lines: Callable[[bytes], list[Any]] = msgspec.json.Decoder(row).decode_lines
        self._loose = [(at, one) for at, one in enumerate(spec.columns) if READ_TYPES[type(one)].loose]
        self._keys = [
            (at, f'"{column.name}"'.encode(), column.optional) for at, column in enumerate(spec.columns)
        ]

    def parse(self, body: bytes) -> list[Row]:
        """Return the rows of a JSON body.

        Parameters
        ----------
        body
            JSON: ``{"instances": [{column: value, ...}, ...]}``.

        Returns
        -------
        list of tuple
            Values of each instance in the order of the spec's columns; None where missing.

        Raises
        ------
        InvalidInstancesError
            The body is not JSON, or breaks the spec; with a JSON pointer for every wrong value.
        UnanswerableError
            The body fits the spec, but numbers exceed ``reach``.
        """
        try:
            rows = list(map(msgspec.structs.astuple, self._decode(body).instances))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_in_words(body)
        if body.count(_INSTANCES) != 1 or not self._is_plain(body, rows) or self._has_wrong_moment(rows):
            return self._read_in_words(body)
        return rows

    def read_lines(self, body: bytes) -> list[Row]:
        """Return the rows of a body in JSON Lines: one instance per line, any number of lines.

        Raises
        ------
        InvalidLinesError
            A line is wrong; with the number of each wrong line.
        """
        try:
            rows = list(map(msgspec.structs.astuple, self._decode_lines(body)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_lines_in_words(body)
        # the compiled check skips empty lines and accepts two instances on a line: require one row per line
        whole = len(rows) == _count_lines(body) and self._is_plain(body, rows)
        if not rows or not whole or self._has_wrong_moment(rows):
            return self._read_lines_in_words(body)
        return rows

    def read_line(self, line: bytes) -> tuple[Row | None, list[FieldError]]:
        """Return the row of one line, or None and what is wrong with the line."""
        instance, wrong = read_line(self._answered, line)
        if wrong:
            return None, wrong
        return tuple(instance.get(column.name) for column in self._spec.columns), []

    def _is_plain(self, body: bytes, rows: list[Row]) -> bool:
        """Return whether the compiled result can be trusted; False means that the body must be read again.

        The compiled check lets the last of two equal keys win, so occurrences of the names are counted. The count
        decides nothing where a name is also a value, is written with an escape, or a null stands beside a missing
        value. Texts with a NUL or a lone surrogate are also read again.
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
            for at, column in self._loose
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
    """Split a body into its lines; a final line feed starts no further line."""
    lines = body.split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def _within(spec: ModelSpec, reach: float) -> ModelSpec:
    """Return the spec with ``-reach`` and ``reach`` as bounds of every number that has none."""
    return replace(spec, columns=tuple(READ_TYPES[type(one)].within(one, reach) for one in spec.columns))


def _bounded(column: Number, reach: float) -> Column:
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
        kind = READ_TYPES[type(column)].value(column)
        default = {"default": None} if column.optional else {}
        # numbered, because a column may have the name of a Python keyword
        fields.append(
            (
                f"c{index}",
                kind | None if column.optional else kind,
                msgspec.field(name=column.name, **default),
            )
        )
    return msgspec.defstruct("Row", fields, kw_only=True, forbid_unknown_fields=True, gc=False)


class ReadType(NamedTuple):
    """How values of a column type are read."""

    value: Callable[[Any], Any]  # what msgspec checks, of a column that is not optional
    within: Callable[[Any, float], Column] = lambda column, _reach: column  # with bounds where it has none
    loose: bool = False  # msgspec accepts values that the column does not allow


def _number(column: Number) -> Any:
    low = -LARGEST_FLOAT32 if column.minimum is None else column.minimum
    high = LARGEST_FLOAT32 if column.maximum is None else column.maximum
    return Annotated[float, Meta(ge=low, le=high)]


def _name(column: Id | Ranking) -> Any:
    return Annotated[str, Meta(min_length=1, max_length=column.max_length)]


READ_TYPES: dict[type[Column], ReadType] = {
    Number: ReadType(_number, _bounded),
    Boolean: ReadType(lambda _column: bool),
    Category: ReadType(lambda column: Literal[column.values]),
    Text: ReadType(lambda column: Annotated[str, Meta(max_length=column.max_length)]),
    DateTime: ReadType(lambda _column: str, loose=True),
    Id: ReadType(_name),
    Ranking: ReadType(_name),
}
