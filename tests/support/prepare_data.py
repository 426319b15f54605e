"""Shared by the tests of `preparation`: a spec with every column type, strategies for rows, and writers of files."""

from __future__ import annotations

import gzip
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import strategies as st

from preparation import Outcome, prepare
from relearn.spec.columns import DATE_TIME_ALLOWED
from relearn.spec.model import Boolean, Category, DateTime, Id, Ingest, Metric, ModelSpec, Number, Text
from relearn.spec.tables import LINE

LABELS = ("low", "high, very", 'say "high"')


def make_spec(**ingest: Any) -> ModelSpec:
    return ModelSpec(
        name="every",
        title="Every column type",
        columns=(
            Id("who", max_length=20),
            Number("size", minimum=-1000, maximum=1000),
            Number("free", optional=True),
            Text("note", max_length=30, optional=True),
            Boolean("flag", optional=True),
            DateTime("at", optional=True),
        ),
        target=Category("label", values=LABELS),
        metric=Metric("accuracy", minimum=0.5),
        ingest=Ingest(**{"max_bad_row_rate": 1.0, "allow_one_class": True, **ingest}),
    )


NAMES = ("who", "size", "free", "note", "flag", "at", "label")


@dataclass
class Upload:
    """Prepares content as an upload with a given file name, in a folder of the test."""

    folder: Path

    def __call__(
        self, content: str | bytes, name: str = "data.csv", spec: ModelSpec | None = None
    ) -> Outcome:
        source = self.folder / "object"
        source.write_bytes(content.encode() if isinstance(content, str) else content)
        return prepare(spec or make_spec(), source, name, self.folder / "work")


def rejected(prepared: Outcome) -> list[dict[str, Any]]:
    if prepared.rejected is None:
        return []
    return [json.loads(line) for line in prepared.rejected.read_text().splitlines()]


def shard_rows(path: Path | None) -> list[tuple[Any, ...]]:
    """Return the rows of a shard, with times as microseconds since 1970."""
    assert path is not None
    columns = ", ".join('epoch_us("at")' if name == "at" else name for name in NAMES)
    return duckdb.execute(f"SELECT {columns} FROM '{path}'").fetchall()  # noqa: S608


def shard_lines(path: Path | None) -> list[int]:
    """Return the line of the file that each row of a shard begins on."""
    assert path is not None
    return [line for (line,) in duckdb.execute(f"SELECT {LINE} FROM '{path}'").fetchall()]  # noqa: S608


def float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def expected(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a valid row as it is stored in a shard."""
    at = row["at"]
    when = None
    if at is not None:
        moment = datetime.fromisoformat(at)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        gap = moment - datetime(1970, 1, 1, tzinfo=UTC)
        when = (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds
    free = None if row["free"] is None else float32(row["free"])
    return (row["who"], float32(row["size"]), free, row["note"], row["flag"], when, row["label"])


def _float32_or_less(limit: float) -> st.SearchStrategy[float]:
    return st.one_of(st.integers(-int(min(limit, 1e15)), int(min(limit, 1e15))), st.floats(-limit, limit))


# Characters of UTF-8, without the one that staging reserves.
characters = st.characters(codec="utf-8", exclude_characters="\0")
text = st.text(characters, min_size=1, max_size=30)
moments = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.one_of(st.none(), st.timezones()),
).map(lambda moment: _minutes(moment).isoformat())
good_rows = st.fixed_dictionaries(
    {
        "who": st.text(characters, min_size=1, max_size=20),
        "size": _float32_or_less(1000),
        "free": st.none() | _float32_or_less(3e38),
        "note": st.none() | text,
        "flag": st.none() | st.booleans(),
        "at": st.none() | moments,
        "label": st.sampled_from(LABELS),
    }
)
FLAWS: dict[str, list[tuple[Any, str]]] = {
    "who": [(None, "missing"), ("x" * 21, "not a string of 1 to 20 characters")],
    "size": [
        (None, "missing"),
        ("wide", "not a number"),
        ("1,5", "not a number"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        ("0x1f", "not a number"),
        ("1_000", "not a number"),
        (1000.5, "above the maximum, 1000"),
        (-1001, "below the minimum, -1000"),
    ],
    "free": [("1e39", "not finite as float32"), ("-", "not a number"), ("1e400", "not finite as float32")],
    "note": [("é" * 31, "31 characters; at most 30")],
    "flag": [("yes", "not true or false"), ("2", "not true or false")],
    "at": [("2026-02-30", f"not {DATE_TIME_ALLOWED}"), ("yesterday", f"not {DATE_TIME_ALLOWED}")],
    "label": [
        (None, "missing"),
        ("Low", f"not one of {', '.join(LABELS)}"),
        (" low", f"not one of {', '.join(LABELS)}"),
    ],
}
flaws = st.sampled_from(sorted(FLAWS)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(FLAWS[name]))
)


def as_csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str] = NAMES, newline: str = "\n") -> str:
    """Write CSV as in RFC 4180, with quotes only where necessary."""
    records = [list(names), *([_cell(row.get(name)) for name in names] for row in rows)]
    return "".join(",".join(map(_quoted, record)) + newline for record in records)


def as_json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_parquet(rows: Sequence[Mapping[str, Any]], path: Path) -> bytes:
    connection = duckdb.default_connection().cursor()
    connection.execute(
        'CREATE OR REPLACE TABLE t (who VARCHAR, size DOUBLE, free DOUBLE, note VARCHAR, flag BOOLEAN, "at" VARCHAR, label VARCHAR)'
    )
    for row in rows:
        connection.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", [row[name] for name in NAMES])
    connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    connection.close()
    return path.read_bytes()


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) and math.isfinite(value) else str(value)


def _quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if any(mark in cell for mark in ',"\r\n') else cell


def _minutes(moment: datetime) -> datetime:
    """Drop a UTC offset with seconds, as historic zones have, which ISO 8601 cannot express."""
    offset = moment.utcoffset()
    return moment.replace(tzinfo=None) if offset is not None and offset.seconds % 60 else moment
