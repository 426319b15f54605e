"""Count all rows of an upload, and find the faults that only all rows together show."""

# ruff: noqa: S608 - the SQL is made of column numbers
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import duckdb

from preparation.sources import NOT_AN_OBJECT, allowed_names
from relearn import visible
from relearn.cutting import listed
from relearn.errors import DataError
from relearn.figures import percents
from relearn.spec.columns import Column
from relearn.spec.model import ModelSpec

BROKEN = "count(*) FILTER (_e IS NOT NULL AND coalesce(len(_u), 0) = 0)"
"""SQL: number of rows of which no value could be read."""
REMEDY = "put values with a comma, a quote or a line's end in double quotes"
MAX_REASONS = 1000
"""Most distinct reasons that are counted: a reason may contain the value, so their number has no bound."""


class Tally:
    """Row counts and reasons of rejection, added batch by batch.

    Parameters
    ----------
    columns
        Columns of the table, in order.

    Attributes
    ----------
    accepted, rejected
        Number of rows so far.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.accepted = 0
        self.rejected = 0
        self._columns = columns
        self._filled = [0] * len(columns)
        self._no_objects = 0
        self._unknown_rows = 0
        self._unknown: list[str] = []
        self._broken = 0
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._first: dict[tuple[str, str], int] = {}

    def tell(self, line: int, column: str | None, reason: str) -> None:
        """Count a reason against the row on ``line``; ``column`` is None when it concerns the whole row."""
        what = (column or "", reason)
        if what in self._first or len(self._first) < MAX_REASONS:
            self._reasons[what] += 1
            self._first.setdefault(what, line)

    def add(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Add the rows of the DuckDB view ``batch``."""
        filled = ", ".join(f"count(_t{index})" for index in range(len(self._columns)))
        no_object = f"count(*) FILTER (starts_with(_e, '{NOT_AN_OBJECT}'))"
        unknown = "count(*) FILTER (len(_u) > 0), any_value(_u[1:10]) FILTER (len(_u) > 0)"
        counts = (
            f"count(*) FILTER (NOT _bad), count(*) FILTER (_bad), {no_object}, {unknown}, {BROKEN}, {filled}"
        )
        row = connection.execute(f"SELECT {counts} FROM batch").fetchone()
        assert row is not None  # noqa: S101 - an aggregate always gives a row
        self.accepted += row[0]
        self.rejected += row[1]
        self._no_objects += row[2]
        self._unknown_rows += row[3]
        self._unknown = row[4] or self._unknown
        self._broken += row[5]
        self._filled = [old + new for old, new in zip(self._filled, row[6:], strict=True)]

    def judge(self, spec: ModelSpec) -> None:
        """Refuse the upload when too few of its rows are good.

        Raises
        ------
        DataError
            ``empty``, ``format``, ``schema``, ``bad_row_rate`` or ``too_few_rows``.
        """
        rows = self.accepted + self.rejected
        if rows == 0:
            raise DataError("empty", "the file has no rows; allowed: at least one")
        if self._no_objects == rows:
            raise DataError("format", f"no line of the file is JSON as allowed: {self._most_often()}")
        if self._broken == rows:
            raise DataError("format", f"no row can be read: {self._most_often()}; {REMEDY}")
        if faults := self._faults_of_every_row(rows):
            raise DataError(
                "schema", f"columns {'; '.join(faults)} in every row; allowed: {allowed_names(self._columns)}"
            )
        rate, allowed = self.rejected / rows, spec.ingest.max_bad_row_rate
        if rate > allowed:
            found, most = percents(rate, allowed)
            raise DataError(
                "bad_row_rate",
                f"{self.rejected} of {rows} rows ({found}) break the spec; allowed: {most}. "
                f"Most often: {self._most_often()}. The reasons are in rows.jsonl",
            )
        if self.accepted < spec.ingest.min_rows:
            bad = (
                f" and {self.rejected} that break the spec, most often {self._most_often()}"
                if self.rejected
                else ""
            )
            raise DataError(
                "too_few_rows", f"{self.accepted} good rows{bad}; allowed: at least {spec.ingest.min_rows}"
            )

    def _most_often(self) -> str:
        """Describe the most frequent reason among those counted by `tell`."""
        ((column, reason), count), *_ = self._reasons.most_common(1)
        where = f"{column}: " if column else ""
        of = "in 1 row" if count == 1 else f"in {count} rows"
        found, allowed, what = reason.partition("; allowed: ")
        return f"{where}{found} ({of}, first on line {self._first[column, reason]}){allowed}{what}"

    def _faults_of_every_row(self, rows: int) -> list[str]:
        missing = [
            column.name
            for column, filled in zip(self._columns, self._filled, strict=True)
            if not filled and not column.optional
        ]
        unknown = self._unknown if self._unknown_rows == rows else []
        found = {"missing": missing, "unknown": unknown}
        return [
            f"{word}: {listed(visible.line(name) or '(no name)' for name in names)}"
            for word, names in found.items()
            if names
        ]
