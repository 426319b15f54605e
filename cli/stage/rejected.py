"""Rejected rows of an upload, in pages, without the values of private columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from cli.stage.target import Target
from cli.terminal.output import print_table
from relearn.lifecycle.uploads import Upload
from relearn.naming import s3_keys
from training import catalog

PRIVATE = "(private)"
COLUMNS = ("line", "column", "value", "reason")


def page(target: Target, upload: Upload, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Return rejected rows in the order of the file.

    Empty when no row was rejected or the file could not be read.

    Parameters
    ----------
    target
        The stage.
    upload
        The upload.
    after
        Return only rows after this line of the file; 0 starts at the first.
    limit
        Maximum number of rows.
    """
    key = s3_keys.rejected_key(upload.model, upload.upload_id)
    try:
        answer = target.client("s3").get_object(Bucket=target.output("LakeBucket"), Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return []
    hidden = _hidden(upload)
    with closing(answer["Body"]) as body:
        rows = (json.loads(line) for line in body.iter_lines())
        chosen = (row for row in rows if row["line"] > after)
        return [_shown(row, hidden) for row in islice(chosen, limit)]


def print_page(title: str, rows: list[dict[str, Any]]) -> None:
    """Print rejected rows, one line for each error."""
    print_table(title, COLUMNS, list(_faults(rows)))


def _faults(rows: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        for fault in row["errors"]:
            yield row["line"], fault["column"] or "", fault["value"] or "", fault["reason"]


def _hidden(upload: Upload) -> frozenset[str]:
    """Return the private columns of the upload's table; empty when this checkout does not have the model."""
    spec = catalog.load().get(upload.model)
    if spec is None or upload.table not in spec.table_names:
        return frozenset()
    return frozenset(column.name for column in spec.raw_columns(upload.table) if column.private)


def _shown(row: dict[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    faults = [
        {**fault, "value": PRIVATE} if fault["column"] in hidden and fault["value"] else fault
        for fault in row["errors"]
    ]
    return {**row, "errors": faults}
