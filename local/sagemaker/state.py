"""SageMaker's records, and pages of them."""

from __future__ import annotations

import copy
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from local.sagemaker.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

Record = dict[str, Any]
"""Resource as requests and answers have it."""
_PAGE = 100


class State:
    """Tables of JSON records; names keep their case but are unique regardless of case, as on AWS.

    Parameters
    ----------
    file : Path | None
        File in which the records are kept between runs; None keeps them in memory only.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._file = file
        self._tables: dict[str, dict[str, Record]] = {}
        if file and file.exists():
            self._tables = json.loads(file.read_text())

    def get(self, table: str, name: str) -> Record | None:
        """Return a copy of a record; None when it does not exist."""
        with self.lock:
            found = self._table(table).get(name.lower())
            return copy.deepcopy(found)

    def add(self, table: str, name: str, record: Record) -> bool:
        """Add a record; return False when the name is taken."""
        with self.lock:
            if name.lower() in self._table(table):
                return False
            self._table(table)[name.lower()] = copy.deepcopy(record)
            self._save()
            return True

    def change(self, table: str, name: str, **fields: Any) -> Record:
        """Set fields of a record (None removes one) and return a copy.

        Empty when the record does not exist.
        """
        with self.lock:
            record = self._table(table).get(name.lower())
            if record is None:
                return {}
            record |= copy.deepcopy(fields)
            for key in [key for key, value in fields.items() if value is None]:
                del record[key]
            record["LastModifiedTime"] = time.time()
            self._save()
            return copy.deepcopy(record)

    def remove(self, table: str, name: str) -> Record | None:
        """Remove and return a record; None when it does not exist."""
        with self.lock:
            removed = self._table(table).pop(name.lower(), None)
            self._save()
            return removed

    def all(self, table: str) -> list[Record]:
        """Return copies of all records of a table."""
        with self.lock:
            return copy.deepcopy(list(self._table(table).values()))

    def _table(self, table: str) -> dict[str, Record]:
        return self._tables.setdefault(table, {})

    def _save(self) -> None:
        """Write the records to the file, if any, before the change is reported, because the cloud may be killed."""
        if self._file:
            draft = self._file.with_suffix(".draft")
            draft.write_text(json.dumps(self._tables))
            draft.replace(self._file)


_FILTERS: dict[str, Callable[[float, float], bool]] = {
    "After": lambda a, b: a > b,
    "Before": lambda a, b: a < b,
}


def page(
    records: Iterable[Record], request: Record, *, name: str, status: str = ""
) -> tuple[list[Record], Record]:
    """Filter, sort and paginate records as SageMaker's List* operations do.

    Parameters
    ----------
    records : iterable of dict
        All records of the table.
    request : dict
        The List* request: NameContains, StatusEquals, CreationTimeAfter, SortBy, MaxResults, NextToken, ...
    name, status : str
        Keys of the records' name and status.

    Returns
    -------
    list of dict, dict
        The page, and ``{"NextToken": ...}`` when there are more records.

    Raises
    ------
    ApiError
        ``ValidationException`` when NextToken is not valid.
    """
    kept = [record for record in records if _wanted(record, request, name, status)]
    by = request.get("SortBy", "CreationTime")
    key: str = {"Name": name, "Status": status}.get(by) or by
    default = "Ascending" if by == "Name" else "Descending"
    kept.sort(
        key=lambda record: record.get(key) or 0, reverse=request.get("SortOrder", default) == "Descending"
    )
    token = request.get("NextToken", "0")
    if not token.isdigit():
        raise invalid(f"Invalid NextToken: {token}")
    start, size = int(token), request.get("MaxResults", _PAGE)
    more = {"NextToken": str(start + size)} if start + size < len(kept) else {}
    return kept[start : start + size], more


def _wanted(record: Record, request: Record, name: str, status: str) -> bool:
    if request.get("NameContains", "").lower() not in str(record.get(name, "")).lower():
        return False
    if "StatusEquals" in request and record.get(status) != request["StatusEquals"]:
        return False
    for field in ("CreationTime", "LastModifiedTime"):
        for suffix, holds in _FILTERS.items():
            limit = request.get(field + suffix)
            if limit is not None and not holds(record.get(field, 0.0), float(limit)):
                return False
    return True
