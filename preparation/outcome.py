"""What becomes of an upload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from relearn.data.profiles import Profile
from relearn.spec.policies import LARGEST_UPLOAD

MAX_REJECTED_ROWS = 10_000
"""Rejected rows written to ``rows.jsonl`` at most; all are counted."""
EXPANSION = 10
"""How many times the spec's ``max_bytes`` a file may hold once unpacked."""
MAX_UNPACKED = 2 * LARGEST_UPLOAD
"""Unpacked bytes of any file at most, whatever the spec says: what is checked in the whole time that ingest has."""
MAX_REJECTED_BYTES = 8_000_000
"""Size of ``rows.jsonl`` at most, in bytes; the rows beyond it are counted, as those beyond `MAX_REJECTED_ROWS` are."""

RATIO = 100
"""How many times its packed size a gzipped file may unpack to, beyond `RATIO_FROM`; tables of real values reach 30."""
RATIO_FROM = 16 * 1024**2
"""Unpacked bytes before which the ratio says nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a whole upload is quarantined.

    Parameters
    ----------
    code
        ``empty``, ``schema``, ``encoding``, ``format``, ``bad_row_rate``, ``too_large``, ``too_slow``,
        ``one_class``, ``leakage`` or ``too_few_rows``.
    detail
        What was found and what is allowed, for people.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of checking one upload.

    Parameters
    ----------
    rows_accepted, rows_rejected
        Counts of rows; of those read so far when the file was refused while reading.
    refusal
        Set when the upload must be quarantined.
    shard
        The Parquet file of the accepted rows; None when refused.
    rejected
        ``rows.jsonl``, when any row was rejected.
    profile
        What the accepted rows look like; None when refused.
    keys
        Parquet file of the values of keys and references, where the table has such.
    rows_waiting, waits_until
        How many accepted rows are dated later than the check's clock, and when the last of them is known, aware; None
        when there is none.
    known_from
        When the first accepted row is known, aware and in whole milliseconds, as a run's clock is; None when one is already.
    """

    rows_accepted: int
    rows_rejected: int
    refusal: Refusal | None
    shard: Path | None
    rejected: Path | None
    profile: Profile | None = None
    keys: Path | None = None
    rows_waiting: int = 0
    waits_until: datetime | None = None
    known_from: datetime | None = None
