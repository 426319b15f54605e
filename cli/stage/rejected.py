"""The rows of an upload that were refused: where they are, page by page, without the values that nobody shall see."""

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
    """Read refused rows of an upload, in the order of the file; none where every row was good, or none was read.

    Parameters
    ----------
    target
        Whose lake.
    upload
        The upload.
    after
        Only rows behind this line; 0: from the first.
    limit
        How many at most.
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
    """Print refused rows: a line for each fault."""
    print_table(title, COLUMNS, list(_faults(rows)))


def _faults(rows: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        for fault in row["errors"]:
            yield row["line"], fault["column"] or "", fault["value"] or "", fault["reason"]


def _hidden(upload: Upload) -> frozenset[str]:
    """Give the private columns of a table, as far as this checkout knows the model."""
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
