"""The three formats as one relation.

Columns ``l`` (line or row number), ``e`` (the row's own fault, else NULL), ``u`` (names the
spec does not have) and, for each column of the spec in order, ``t0, t1, ...``: the value as
given, NULL when missing.
"""

# ruff: noqa: S608 - every name and value in the SQL is ours, the spec's (checked), or goes through quote()
from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from relearn.columns import Boolean, Category, Column, DateTime, Id, Number, Text
from relearn.errors import DataError
from training.prepare.lines import MAX_LINE
from training.prepare.rules import quote
from training.prepare.staging import CR_AS, LF_AS, STAGED_MAX_LINE, US, CsvStaging, JsonStaging

NOT_AN_OBJECT = "not a JSON object"
ROWS_PER_BATCH = 500_000
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
        """SQL of the text to check in ``t<index>``."""
        return f"t{index}"


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
            yield f"SELECT l, e, NULL AS u, {fields} FROM {_staged(path, len(header))}"

    def _field(self, index: int, column: Column, header: list[str]) -> str:
        if column.name not in header:
            return f"NULL::VARCHAR AS t{index}"
        field = f"f{header.index(column.name)}"
        if isinstance(column, TRIMMED):
            return f"nullif(trim({field}, ' ' || chr(9)), '') AS t{index}"
        return f"translate({field}, {quote(LF_AS + CR_AS)}, chr(10) || chr(13)) AS t{index}"


class JsonSource(Source):
    """JSON Lines, staged."""

    def __init__(self, columns: Sequence[Column], staging: JsonStaging, path: Path, batch_bytes: int) -> None:
        super().__init__(columns)
        self._staging, self._path, self._batch_bytes = staging, path, batch_bytes

    def batches(self) -> Iterator[str]:
        """Give the staged batches."""
        names = ", ".join(quote(column.name) for column in self.columns)
        paths = ", ".join(quote(f'$."{column.name}"') for column in self.columns)
        fields = ", ".join(f"nullif(p[{i + 1}]::VARCHAR, 'null') AS t{i}" for i in range(len(self.columns)))
        for path in self._staging.batches(self._path, self._batch_bytes):
            parsed = f"SELECT l, e, CASE WHEN json_valid(f0) THEN f0 END AS d FROM {_staged(path, 1)}"
            objects = f"SELECT l, e, CASE WHEN json_type(d) = 'OBJECT' THEN d END AS j FROM ({parsed})"
            keyed = f"SELECT *, json_keys(j) AS k, json_extract(j, [{paths}]) AS p FROM ({objects})"
            named = f"SELECT *, list_filter(k, lambda x: x NOT IN ({names})) AS u FROM ({keyed})"
            yield f"SELECT l, {_json_fault()} AS e, u, {fields} FROM ({named})"

    def text(self, index: int) -> str:
        """SQL of the value when its JSON type is right."""
        types = ", ".join(map(quote, JSON_TYPES[type(self.columns[index])]))
        return f"CASE WHEN json_type(t{index}) IN ({types}) THEN json_extract_string(t{index}, '$') END"


class ParquetSource(Source):
    """Parquet, read in place."""

    def __init__(
        self, columns: Sequence[Column], connection: duckdb.DuckDBPyConnection, path: Path, max_cells: int
    ) -> None:
        super().__init__(columns)
        self._relation = f"read_parquet({quote(str(path))}, file_row_number=true)"
        described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {self._relation}")
        types = {name: kind for name, kind, *_ in described.fetchall()}
        check_names(columns, list(types))
        wrong = [f"{name} is {kind}" for name, kind in types.items() if _is_nested(kind)]
        if wrong:
            raise DataError(
                "schema", f"{', '.join(wrong)}; allowed: numbers, strings, booleans, dates and times"
            )
        counted = connection.execute(
            f"SELECT num_rows FROM parquet_file_metadata({quote(str(path))})"
        ).fetchone()
        self._rows = counted[0] if counted else 0
        if self._rows * len(types) > max_cells:
            raise DataError(
                "too_large", f"{self._rows} rows of {len(types)} columns; allowed: {max_cells} values"
            )
        self._names = set(types)

    def batches(self) -> Iterator[str]:
        """Give ranges of rows."""
        fields = ", ".join(
            f'CAST("{column.name}" AS VARCHAR) AS t{index}'
            if column.name in self._names
            else f"NULL::VARCHAR AS t{index}"
            for index, column in enumerate(self.columns)
        )
        for start in range(0, self._rows, ROWS_PER_BATCH):
            where = f"file_row_number >= {start} AND file_row_number < {start + ROWS_PER_BATCH}"
            yield f"SELECT file_row_number + 1 AS l, NULL::VARCHAR AS e, NULL AS u, {fields} FROM {self._relation} WHERE {where}"


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
        f"{word}: {', '.join(name or '(no name)' for name in some)}" for word, some in found.items() if some
    ]
    if faults:
        allowed = ", ".join(column.name + (" (optional)" if column.optional else "") for column in columns)
        raise DataError("schema", f"columns {'; '.join(faults)[:1000]}. Allowed: {allowed}")


def _staged(path: Path, fields: int) -> str:
    columns = ", ".join(["'l': 'BIGINT'", "'e': 'VARCHAR'", *(f"'f{i}': 'VARCHAR'" for i in range(fields))])
    dialect = (
        f"delim={quote(US)}, quote='', escape='', comment='', new_line='\\n', header=false, auto_detect=false"
    )
    limits = f"max_line_size={STAGED_MAX_LINE}, buffer_size={2 * STAGED_MAX_LINE + MAX_LINE}"
    return f"read_csv({quote(str(path))}, {dialect}, {limits}, columns={{{columns}}})"


def _json_fault() -> str:
    unknown = "'unknown columns: ' || array_to_string(u[1:10], ', ')"
    return (
        f"CASE WHEN e IS NOT NULL THEN e WHEN j IS NULL THEN '{NOT_AN_OBJECT}' "
        f"WHEN len(u) > 0 THEN {unknown} WHEN len(k) <> len(list_distinct(k)) THEN 'a column is given twice' END"
    )


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "BLOB", "UNION", "BIT"))
