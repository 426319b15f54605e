"""Result of checking one upload, and the limits on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from relearn.data.profiles import Profile
from relearn.spec.policies import LARGEST_UPLOAD

MAX_REJECTED_ROWS = 10_000
"""Most rejected rows written to ``rows.jsonl``; all are counted."""
EXPANSION = 10
"""How many times the spec's ``max_bytes`` a file may unpack to."""
MAX_UNPACKED = 2 * LARGEST_UPLOAD
"""Most unpacked bytes of any file, whatever the spec says: as much as ingest can check within its time limit."""
MAX_REJECTED_BYTES = 8_000_000
"""Largest size of ``rows.jsonl``, in bytes; rows beyond it are only counted."""

RATIO = 100
"""Most times its packed size that a gzipped file may unpack to, beyond `RATIO_FROM`; tables of real values reach 30."""
RATIO_FROM = 16 * 1024**2
"""Unpacked bytes below which `RATIO` is not checked."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Reason why a whole upload is quarantined.

    Parameters
    ----------
    code
        ``empty``, ``schema``, ``encoding``, ``format``, ``bad_row_rate``, ``too_large``, ``too_slow``,
        ``one_class``, ``leakage`` or ``too_few_rows``.
    detail
        What was found and what is allowed, as text for people.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of checking one upload.

    Parameters
    ----------
    rows_accepted, rows_rejected
        Row counts; for a file refused while reading, of the rows read so far.
    refusal
        Why the upload must be quarantined; None when it is accepted.
    shard
        Parquet file of the accepted rows; None when refused.
    rejected
        ``rows.jsonl``; None when no row was rejected.
    profile
        Profile of the accepted rows; None when refused.
    keys
        Parquet file of the values of keys and references; None when the table has none.
    rows_waiting, waits_until
        Number of accepted rows dated later than the check's clock, and the latest of their times (aware); 0 and None
        when there is none.
    known_from
        Time of the first accepted row, aware and rounded up to milliseconds, when every accepted row is in the
        future; else None.
    newest
        Time of the newest accepted row, aware; None where rows have no time.
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
    newest: datetime | None = None
