"""Check one uploaded file against a spec and turn its good rows into an immutable Parquet shard.

The same code runs in the ingest Lambda and in the container. DuckDB does the checking, in SQL
and in bounded memory; Python only walks over the lines of text files, one at a time, so that
every rejected row is named by its physical line.

What is accepted
----------------
Files
    CSV, JSON Lines, Parquet; the first two also gzipped. Known by content (magic bytes); a name
    whose suffix says something else is refused as ``format``.
CSV
    RFC 4180: comma, ``"`` as quote doubled inside quotes, LF or CRLF, UTF-8 with or without BOM.
    The first line that is not blank is the header: names in any order, spaces around them
    ignored, upper and lower case told apart. Blank lines are skipped and counted. A quote that
    opens a value and is never properly closed costs the row it opened on, not the rows after it.
    An empty value is a missing one. Spaces around numbers, booleans and date-times are ignored;
    text, categories and ids are taken exactly, with any character but NUL.
JSON Lines
    One object a line, typed as in a predict request: a number is a JSON number, never ``"1.5"``;
    ``null`` is missing; a column the spec does not have, or one given twice, rejects the row.
Parquet
    Any flat column type; values are read as CSV would write them, but ``""`` is a value. Spaces in texts as in CSV.
Values
    Numbers as JSON and spreadsheets write them (``1``, ``-1.5``, ``.5``, ``1e3``; not ``nan``,
    ``inf``, ``1,5``, ``0x1f``), finite as float32, within the spec's bounds. Booleans
    ``true false 1 0`` in any case (JSON: ``true false``). Date-times ISO 8601 in extended form,
    UTC when without an offset, microseconds at most.

Sizes: a file over the spec's ``max_bytes``, or that unpacks to more than `EXPANSION` times that or
`MAX_UNPACKED`, is refused as ``too_large``; so is Parquet whose texts are longer in all, each counted in
every row. One that takes longer than its check may take is refused as ``too_slow``.
"""

from preparation.job import prepare
from preparation.outcome import EXPANSION, MAX_REJECTED_ROWS, Outcome, Refusal

__all__ = ["EXPANSION", "MAX_REJECTED_ROWS", "Outcome", "Refusal", "prepare"]
