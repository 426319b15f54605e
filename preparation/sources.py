"""The three formats as one relation.

Columns ``_l`` (line or row number), ``_e`` (the row's own fault, else NULL), ``_u`` (names the
spec does not have) and, for each column of the spec in order, ``_t0, _t1, ...``: the value as
given, NULL when missing. No column of a spec can begin with an underscore, so that none of them meets one of ours.
"""

# ruff: noqa: S608 - every name and value in the SQL is ours, the spec's (checked), or goes through quote()
from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from preparation.deadline import Deadline
from preparation.lines import MAX_LINE
from preparation.rules import quote
from preparation.staging import STAGED_MAX_LINE, US, CsvStaging, JsonStaging, unescaped
from relearn import visible
from relearn.cutting import NAME_BYTES, listed
from relearn.errors import DataError
from relearn.spec.columns import LARGEST_FLOAT32, Boolean, Category, Column, DateTime, Id, Number, Text

NOT_AN_OBJECT = "not a JSON object"
ROWS_PER_BATCH = 500_000
ROW_NUMBER = "file_row_number"
"""What DuckDB calls the number of a row in its Parquet file, from 0, where no column of the file is called so."""
LEAST_PER_BATCH = 100
_JSON_KIND = (
    "CASE json_type(_d) WHEN 'ARRAY' THEN 'an array' WHEN 'VARCHAR' THEN 'a string' WHEN 'BOOLEAN' THEN 'true or false' "
    "WHEN 'NULL' THEN 'null' ELSE CASE WHEN _d IS NULL THEN 'text that is not JSON' ELSE 'a number' END END"
)
MAX_FOOTER = 16 * 1024**2
"""Bytes of a Parquet file's metadata at most: some 100 for each column of each row group."""
FLOATS = ("FLOAT", "DOUBLE")
TRIMMED = (Number, Boolean, DateTime)
JSON_TYPES: dict[type[Column], tuple[str, ...]] = {
    Number: ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE"),
    Boolean: ("BOOLEAN",),
    Category: ("VARCHAR",),
    DateTime: ("VARCHAR",),
    Id: ("VARCHAR",),
    Text: ("VARCHAR",),
}


class Source(ABC):
    """One upload, as SQL.

    Parameters
    ----------
    columns
        The table's columns, in order.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns

    @abstractmethod
    def batches(self) -> Iterator[str]:
        """Give the relation of each next part of the upload, in order."""

    def text(self, index: int) -> str:
        """SQL of the text to check in ``_t<index>``."""
        return f"_t{index}"


class CsvSource(Source):
    """CSV, staged."""

    def __init__(self, columns: Sequence[Column], staging: CsvStaging, path: Path, batch_bytes: int) -> None:
        super().__init__(columns)
        check_names(columns, staging.header)
        self._staging, self._path, self._batch_bytes = staging, path, batch_bytes

    def batches(self) -> Iterator[str]:
        """Give the staged batches."""
        header = self._staging.header
        fields = ", ".join(self._field(i, column, header) for i, column in enumerate(self.columns))
        for path in self._staging.batches(self._path, self._batch_bytes):
            yield f"SELECT _l, _e, NULL AS _u, {fields} FROM {_staged(path, len(header))}"

    def _field(self, index: int, column: Column, header: list[str]) -> str:
        if column.name not in header:
            return f"NULL::VARCHAR AS _t{index}"
        text = unescaped(f"_f{header.index(column.name)}")
        if isinstance(column, TRIMMED):
            return f"nullif({_trimmed(text)}, '') AS _t{index}"
        return f"{text} AS _t{index}"


class JsonSource(Source):
    """JSON Lines, staged."""

    def __init__(self, columns: Sequence[Column], staging: JsonStaging, path: Path, batch_bytes: int) -> None:
        super().__init__(columns)
        self._staging, self._path, self._batch_bytes = staging, path, batch_bytes

    def batches(self) -> Iterator[str]:
        """Give the staged batches."""
        names = ", ".join(quote(column.name) for column in self.columns)
        paths = ", ".join(quote(f'$."{column.name}"') for column in self.columns)
        fields = ", ".join(f"nullif(_p[{i + 1}]::VARCHAR, 'null') AS _t{i}" for i in range(len(self.columns)))
        for path in self._staging.batches(self._path, self._batch_bytes):
            parsed = f"SELECT _l, _e, CASE WHEN json_valid(_f0) THEN _f0 END AS _d FROM {_staged(path, 1)}"
            objects = (
                f"SELECT _l, _e, _d, CASE WHEN json_type(_d) = 'OBJECT' THEN _d END AS _j FROM ({parsed})"
            )
            keyed = f"SELECT *, json_keys(_j) AS _k, json_extract(_j, [{paths}]) AS _p FROM ({objects})"
            named = f"SELECT *, list_transform(list_filter(_k, lambda _x: _x NOT IN ({names})), lambda _x: _x[:{NAME_BYTES}]) AS _u FROM ({keyed})"
            yield f"SELECT _l, {_json_fault(self.columns)} AS _e, _u, {fields} FROM ({named})"

    def text(self, index: int) -> str:
        """SQL of the value when its JSON type is right."""
        types = ", ".join(map(quote, JSON_TYPES[type(self.columns[index])]))
        return f"CASE WHEN json_type(_t{index}) IN ({types}) THEN json_extract_string(_t{index}, '$') END"


@dataclass(frozen=True, slots=True)
class Bounds:
    """A Parquet file, and how much may come of it.

    Parameters
    ----------
    path
        The file.
    max_bytes
        Bytes of text, and values, that it may hold.
    batch_bytes
        About how big a batch may be.
    deadline
        When reading has to be done.
    """

    path: Path
    max_bytes: int
    batch_bytes: int
    deadline: Deadline

    def check_footer(self) -> None:
        """Refuse metadata that would fill the memory: it is read whole, before any limit of DuckDB's counts."""
        with self.path.open("rb") as file:
            file.seek(-min(8, self.path.stat().st_size), 2)
            size = int.from_bytes(file.read(4), "little")
        if MAX_FOOTER < size <= self.path.stat().st_size:
            raise DataError(
                "too_large",
                f"the file's metadata has {size} bytes; allowed: {MAX_FOOTER}; write fewer columns, or larger row groups",
            )


class ParquetSource(Source):
    """Parquet, read in place."""

    def __init__(
        self, columns: Sequence[Column], connection: duckdb.DuckDBPyConnection, bounds: Bounds
    ) -> None:
        super().__init__(columns)
        self._bounds = bounds
        bounds.check_footer()
        most, file = bounds.max_bytes, quote(str(bounds.path))
        names = _own_names(connection, file)
        check_names(columns, names)
        self._relation = f"read_parquet({file})"
        described = connection.execute(f"DESCRIBE SELECT * FROM {self._relation}")
        types = {name: kind for name, kind, *_ in described.fetchall()}
        wrong = [f"{name} is {kind}" for name, kind in types.items() if _is_nested(kind)]
        if wrong:
            raise DataError(
                "schema", f"{', '.join(wrong)}; allowed: numbers, strings, booleans, dates and times"
            )
        broken = [
            f"column {column.name} is {types[column.name]}"
            for column in columns
            if isinstance(column, Id | Text) and types.get(column.name) in FLOATS
        ]
        if broken:  # 7 would be called 7.0, and a missing one nan
            raise DataError(
                "schema",
                f"{', '.join(broken)}, which has no one spelling and no missing values; allowed in ids and texts: strings "
                "or whole numbers; write them as such",
            )
        self._rows, unpacked = _statistics(connection, file)
        if self._rows * len(types) > most:
            raise DataError("too_large", f"{self._rows} rows of {len(types)} columns; allowed: {most} values")
        if unpacked > most:
            raise DataError(
                "too_large", f"the file unpacks to {unpacked} bytes, its metadata says; allowed: {most}"
            )
        self._types = types
        texts = [c.name for c in columns if types.get(c.name) == "VARCHAR"]
        self._step = self._rows_at_once(self._text_bytes(connection, texts))

    def _text_bytes(self, connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> int:
        """Give how long all texts are together, which no statistics say: one text of a dictionary stands in every row."""
        sums = " + ".join(f'coalesce(sum(strlen("{name}")), 0)' for name in names) or "0"
        (found,) = connection.execute(f"SELECT {sums} FROM {self._relation}").fetchone() or (0,)
        if found > self._bounds.max_bytes:
            size = self._bounds.path.stat().st_size
            raise DataError(
                "too_large",
                f"{size} bytes of Parquet hold {found} bytes of text in {self._rows} rows; allowed: "
                f"{self._bounds.max_bytes}; split the file",
            )
        return int(found)

    def _rows_at_once(self, text_bytes: int) -> int:
        each = max(text_bytes // max(self._rows, 1), 1)
        return min(ROWS_PER_BATCH, max(self._bounds.batch_bytes // each, LEAST_PER_BATCH))

    def batches(self) -> Iterator[str]:
        """Give ranges of rows."""
        fields = ", ".join(f"{self._text(column)} AS _t{i}" for i, column in enumerate(self.columns))
        relation, number = self._relation, ROW_NUMBER
        if (
            ROW_NUMBER in self._types
        ):  # the file's own column hides it: counted instead, which reads what goes before
            relation, number = f"(SELECT *, row_number() OVER () - 1 AS _n FROM {relation})", "_n"
        for start in range(0, self._rows, self._step):
            self._bounds.deadline.check(f"{start} of {self._rows} rows")
            where = f"{number} >= {start} AND {number} < {start + self._step}"
            yield f"SELECT {number} + 1 AS _l, NULL::VARCHAR AS _e, NULL AS _u, {fields} FROM {relation} WHERE {where}"

    def _text(self, column: Column) -> str:
        if column.name not in self._types:
            return "NULL::VARCHAR"
        text = f'CAST("{column.name}" AS VARCHAR)'
        if isinstance(column, TRIMMED) and self._types[column.name] == "VARCHAR":
            return _trimmed(text)
        if not isinstance(column, Number) or self._types[column.name] != "FLOAT":
            return text
        largest = (-LARGEST_FLOAT32, LARGEST_FLOAT32)  # whose shortest decimal is beyond it
        bounds = [*largest, *(bound for bound in (column.minimum, column.maximum) if bound is not None)]
        cases = [  # a float32 at a bound is the bound
            f"WHEN \"{column.name}\" = CAST(CAST('{bound!r}' AS DOUBLE) AS FLOAT) THEN '{bound!r}'"
            for bound in bounds
        ]
        return f"CASE {' '.join(cases)} ELSE {text} END"


def _own_names(connection: duckdb.DuckDBPyConnection, file: str) -> list[str]:
    """Give the names of a Parquet file's columns as they are in it: DuckDB renames those that it takes for equal."""
    schema = connection.execute(f"SELECT name, num_children FROM parquet_schema({file})").fetchall()
    names, within = [], 0  # the root comes first, and every group before what is in it
    for name, children in schema[1:]:
        if not within:
            names.append(name)
        within = max(within - 1, 0) + (children or 0)
    return names


def _statistics(connection: duckdb.DuckDBPyConnection, file: str) -> tuple[int, int]:
    """Give how many rows a Parquet file says it has, and what its columns unpack to, in bytes."""
    (rows,) = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({file})").fetchone() or (0,)
    (size,) = connection.execute(
        f"SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata({file})"
    ).fetchone() or (0,)
    return int(rows), int(size)


def check_names(columns: Sequence[Column], names: list[str]) -> None:
    """Refuse a header that does not fit the spec.

    Raises
    ------
    DataError
        ``schema``, with every missing, unknown and repeated column.
    """
    known = {column.name for column in columns}
    missing = [column.name for column in columns if not column.optional and column.name not in names]
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    repeated = [name for name, count in Counter(names).items() if count > 1 and name in known]
    found = {"missing": missing, "unknown": unknown, "given twice": repeated}
    faults = [
        f"{word}: {listed(visible.line(name) or '(no name)' for name in some)}"
        for word, some in found.items()
        if some
    ]
    if faults:
        raise DataError("schema", f"columns {'; '.join(faults)}; allowed: {allowed_names(columns)}")


def allowed_names(columns: Sequence[Column]) -> str:
    """Name the columns that a file may have, and which it need not have."""
    return listed(column.name + (" (optional)" if column.optional else "") for column in columns)


def _trimmed(text: str) -> str:
    return f"trim({text}, ' ' || chr(9))"


def _staged(path: Path, fields: int) -> str:
    columns = ", ".join(
        ["'_l': 'BIGINT'", "'_e': 'VARCHAR'", *(f"'_f{i}': 'VARCHAR'" for i in range(fields))]
    )
    dialect = (
        f"delim={quote(US)}, quote='', escape='', comment='', new_line='\\n', header=false, auto_detect=false"
    )
    limits = f"max_line_size={STAGED_MAX_LINE}, buffer_size={2 * STAGED_MAX_LINE + MAX_LINE}"
    return f"read_csv({quote(str(path))}, {dialect}, {limits}, columns={{{columns}}})"


def _json_fault(columns: Sequence[Column]) -> str:
    """SQL of what is wrong with a line as a whole; NULL when nothing is."""
    visible = (
        "lambda _x: CASE WHEN _x = '' THEN '(no name)' ELSE regexp_replace(_x, '[[:cntrl:]]', '?', 'g') END"
    )
    unknown = (
        f"'unknown columns: ' || array_to_string(list_transform(_u[1:10], {visible}), ', ') || "
        "CASE WHEN len(_u) > 10 THEN ' and ' || (len(_u) - 10) || ' more' ELSE '' END || "
        f"{quote(f'; allowed: {listed(column.name for column in columns)}')}"
    )
    twice = "list_filter(list_distinct(_k), lambda _x: len(list_filter(_k, lambda _y: _y = _x)) > 1)"
    repeated = f"'given twice: ' || array_to_string({twice}, ', ') || '; allowed: each column once'"
    return (
        f"CASE WHEN _e IS NOT NULL THEN _e WHEN _j IS NULL THEN '{NOT_AN_OBJECT}: got ' || {_JSON_KIND} || "
        f"'; allowed: one object a line' WHEN len(_u) > 0 THEN {unknown} "
        f"WHEN len(_k) <> len(list_distinct(_k)) THEN {repeated} END"
    )


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "BLOB", "UNION", "BIT"))
