"""Check one uploaded file against a spec and write its good rows as an immutable Parquet shard.

The same code runs in the ingest Lambda and in the container. DuckDB checks the rows in SQL and in bounded
memory. Python only reads the lines of text files, one at a time, so that every rejected row is reported with
its physical line number.

What is accepted
----------------
Files
    CSV, JSON Lines and Parquet; the first two also gzipped. The content (magic bytes) decides the format; a
    name whose suffix contradicts it is refused as ``format``.
CSV
    RFC 4180: comma, ``"`` as quote, doubled inside quotes, LF or CRLF, UTF-8 with or without BOM.
    The first line that is not blank is the header: names in any order, case-sensitive, surrounding spaces
    ignored. Blank lines are skipped but keep their line numbers. An opening quote that is never properly
    closed rejects the row it opened on, not the rows after it.
    An empty value is missing. Spaces around numbers, booleans and date-times are ignored; text, categories
    and ids are taken exactly, with any character but NUL.
JSON Lines
    One object per line, typed as in a predict request: a number is a JSON number, never ``"1.5"``; ``null``
    is missing; a column that the spec does not have, or that occurs twice, rejects the row.
Parquet
    Any flat column type. Values are read as CSV would write them, but ``""`` is a value. Spaces are handled
    as in CSV.
Values
    Numbers as JSON and spreadsheets write them (``1``, ``-1.5``, ``.5``, ``1e3``; not ``nan``, ``inf``,
    ``1,5``, ``0x1f``), finite as float32, within the spec's bounds. Booleans ``true false 1 0`` in any case
    (JSON: ``true false``). Date-times in the extended form of ISO 8601, UTC when without an offset,
    microseconds at most.

Sizes: a file is refused as ``too_large`` when it is larger than the spec's ``max_bytes``, or when it unpacks
to more than `EXPANSION` times that or to more than `MAX_UNPACKED` bytes. Parquet is also refused when the
texts of all its rows together are longer than that. A check that exceeds its time limit refuses the file as
``too_slow``.
"""

from preparation.job import prepare
from preparation.outcome import EXPANSION, MAX_REJECTED_ROWS, Outcome, Refusal

__all__ = ["EXPANSION", "MAX_REJECTED_ROWS", "Outcome", "Refusal", "prepare"]
