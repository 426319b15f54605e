"""Present each of the three formats to the checker as one SQL relation.

Its columns are ``_l`` (line or row number, from 1), ``_e`` (fault of the whole row, else NULL), ``_u`` (column
names that the spec does not have) and, for each column of the spec in order, ``_t0, _t1, ...``: the value as
text, NULL when missing. No column of a spec may begin with an underscore, so names cannot collide.
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
from preparation.rules import SQL_TYPES, quote
from preparation.staging import STAGED_MAX_LINE, US, CsvStaging, JsonStaging, unescaped
from relearn import visible
from relearn.cutting import NAME_BYTES, listed
from relearn.errors import DataError
from relearn.spec.columns import Column

NOT_AN_OBJECT = "not a JSON object"
ROWS_PER_BATCH = 500_000
"""Most rows of Parquet in one batch."""
ROW_NUMBER = "file_row_number"
"""DuckDB's name for the row number in a Parquet file, from 0; hidden when the file has a column of that name."""
LEAST_PER_BATCH = 100
"""Fewest rows of Parquet in one batch, however long their texts are."""
_JSON_KIND = (
    "CASE json_type(_d) WHEN 'ARRAY' THEN 'an array' WHEN 'VARCHAR' THEN 'a string' WHEN 'BOOLEAN' THEN 'true or false' "
    "WHEN 'NULL' THEN 'null' ELSE CASE WHEN _d IS NULL THEN 'text that is not JSON' ELSE 'a number' END END"
)
MAX_FOOTER = 16 * 1024**2
"""Largest size of a Parquet file's metadata, in bytes; a column of a row group needs about 100."""
FLOATS = ("FLOAT", "DOUBLE")


class Source(ABC):
    """One upload as batches of SQL relations.

    Parameters
    ----------
    columns
        Columns of the table, in order.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns

    @abstractmethod
    def batches(self) -> Iterator[str]:
        """Yield the SQL relation of each batch of the upload, in order."""

    def text(self, index: int) -> str:
        """Return SQL of the text to check for column ``index``; NULL when missing or of a wrong type."""
        return f"_t{index}"


class CsvSource(Source):
    """Staged CSV.

    Raises
    ------
    DataError
        The header does not fit the spec (code ``schema``).
    """

    def __init__(self, columns: Sequence[Column], staging: CsvStaging, path: Path, batch_bytes: int) -> None:
        super().__init__(columns)
        check_names(columns, staging.header)
        self._staging, self._path, self._batch_bytes = staging, path, batch_bytes

    def batches(self) -> Iterator[str]:
        """Yield the relation of each staged batch."""
        header = self._staging.header
        fields = ", ".join(self._field(i, column, header) for i, column in enumerate(self.columns))
        for path in self._staging.batches(self._path, self._batch_bytes):
            yield f"SELECT _l, _e, NULL AS _u, {fields} FROM {_staged(path, len(header))}"

    def _field(self, index: int, column: Column, header: list[str]) -> str:
        if column.name not in header:
            return f"NULL::VARCHAR AS _t{index}"
        text = unescaped(f"_f{header.index(column.name)}")
        if SQL_TYPES[type(column)].trimmed:
            return f"nullif({_trimmed(text)}, '') AS _t{index}"
        return f"{text} AS _t{index}"


class JsonSource(Source):
    """Staged JSON Lines."""

    def __init__(self, columns: Sequence[Column], staging: JsonStaging, path: Path, batch_bytes: int) -> None:
        super().__init__(columns)
        self._staging, self._path, self._batch_bytes = staging, path, batch_bytes

    def batches(self) -> Iterator[str]:
        """Yield the relation of each staged batch."""
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
        """Return SQL of the value as text; NULL when its JSON type is wrong."""
        types = ", ".join(map(quote, SQL_TYPES[type(self.columns[index])].json_types))
        return f"CASE WHEN json_type(_t{index}) IN ({types}) THEN json_extract_string(_t{index}, '$') END"


@dataclass(frozen=True, slots=True)
class Bounds:
    """A Parquet file and the limits on reading it.

    Parameters
    ----------
    path
        The Parquet file.
    max_bytes
        Most bytes of text, and most values (rows times columns).
    batch_bytes
        Approximate size of a batch, in bytes.
    deadline
        Time limit of the check.
    """

    path: Path
    max_bytes: int
    batch_bytes: int
    deadline: Deadline

    def check_footer(self) -> None:
        """Refuse a file whose metadata is too large: it is read whole, outside of DuckDB's memory limit.

        Raises
        ------
        DataError
            The metadata is larger than `MAX_FOOTER` (code ``too_large``).
        """
        with self.path.open("rb") as file:
            file.seek(-min(8, self.path.stat().st_size), 2)
            size = int.from_bytes(file.read(4), "little")
        if MAX_FOOTER < size <= self.path.stat().st_size:
            raise DataError(
                "too_large",
                f"the file's metadata has {size} bytes; allowed: {MAX_FOOTER}; write fewer columns, or larger row groups",
            )


class ParquetSource(Source):
    """Parquet, read in place without staging.

    Raises
    ------
    DataError
        ``schema``: the columns do not fit the spec, are nested, or are floats where ids or texts belong.
        ``too_large``: metadata, values or texts exceed their limits.
    """

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
            if not SQL_TYPES[type(column)].floats and types.get(column.name) in FLOATS
        ]
        if broken:  # 7 would read as 7.0, and a missing value as nan
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
        """Return the total length of all texts, in bytes.

        No statistics have it: the metadata counts a text of a dictionary once, however many rows have it.

        Raises
        ------
        DataError
            The texts are longer than allowed (code ``too_large``).
        """
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
        """Yield the relation of each range of rows."""
        fields = ", ".join(f"{self._text(column)} AS _t{i}" for i, column in enumerate(self.columns))
        relation, number = self._relation, ROW_NUMBER
        if (
            ROW_NUMBER in self._types
        ):  # a column of the file hides the row number: count rows instead, which reads all rows before the range
            relation, number = f"(SELECT *, row_number() OVER () - 1 AS _n FROM {relation})", "_n"
        for start in range(0, self._rows, self._step):
            self._bounds.deadline.check(f"{start} of {self._rows} rows")
            where = f"{number} >= {start} AND {number} < {start + self._step}"
            yield f"SELECT {number} + 1 AS _l, NULL::VARCHAR AS _e, NULL AS _u, {fields} FROM {relation} WHERE {where}"

    def _text(self, column: Column) -> str:
        if column.name not in self._types:
            return "NULL::VARCHAR"
        text, sql = f'CAST("{column.name}" AS VARCHAR)', SQL_TYPES[type(column)]
        if sql.trimmed and self._types[column.name] == "VARCHAR":
            return _trimmed(text)
        if self._types[column.name] != "FLOAT" or not sql.exact(column):
            return text
        cases = [  # a float32 that equals a bound counts as the bound itself
            f"WHEN \"{column.name}\" = CAST(CAST('{bound!r}' AS DOUBLE) AS FLOAT) THEN '{bound!r}'"
            for bound in sql.exact(column)
        ]
        return f"CASE {' '.join(cases)} ELSE {text} END"


def _own_names(connection: duckdb.DuckDBPyConnection, file: str) -> list[str]:
    """Return the column names as the Parquet file has them: DuckDB renames those that differ only in case."""
    schema = connection.execute(f"SELECT name, num_children FROM parquet_schema({file})").fetchall()
    names, within = [], 0  # depth-first: the root, then each group before its children
    for name, children in schema[1:]:
        if not within:
            names.append(name)
        within = max(within - 1, 0) + (children or 0)
    return names


def _statistics(connection: duckdb.DuckDBPyConnection, file: str) -> tuple[int, int]:
    """Return the number of rows and the unpacked size of all columns, in bytes, from the Parquet metadata."""
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
        ``schema``; the message lists every missing, unknown and repeated column.
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
    """List the columns that a file may have, and mark the optional ones."""
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
    """Return SQL of the fault of a whole JSON line; NULL when it has none."""
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
