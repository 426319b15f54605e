"""Good and bad uploads: their bytes, and the states in which they may end."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from relearn.lifecycle.uploads import UploadState

HEADER = "length,width,kind"
USABLE = frozenset({UploadState.TRAINED, UploadState.SUPERSEDED, UploadState.FAILED, UploadState.ACCEPTED})
"""Final states of acceptable data: trained on, replaced, failed with its run, or waiting where a route is frozen."""
QUARANTINED = frozenset({UploadState.QUARANTINED})
REFUSED = frozenset({UploadState.FAILED, UploadState.SUPERSEDED, UploadState.ACCEPTED})
"""Final states of data that must never be trained on, because its run refuses it."""
ROWS = 80
LONGEST_ROSE = 5.0
"""Length below which a row is a rose in truth; else it is a tulip."""
POISON_TIMES, POISON_SHARES = (0.1, 0.5, 1, 3, 10, 50), (1.0, 0.3, 0.6, 0.1)
"""Sizes of poisoned uploads, as multiples of a good one, and shares of their rows with the other label."""
SWAPPED = {"rose": "tulip", "tulip": "rose"}


@dataclass(frozen=True)
class Body:
    """Content of an upload, and what must become of it.

    Parameters
    ----------
    content
        The bytes.
    suffix
        Suffix of the file name.
    ends
        States that it may end in.
    waiting
        Number of rows dated later than any run begins.
    refused
        Number of rows dated later than a check accepts.
    known_from
        Time of the first row, if all rows are in the future.
    """

    content: bytes
    suffix: str = ".csv"
    ends: frozenset[UploadState] = USABLE
    waiting: int = 0
    refused: int = 0
    known_from: datetime | None = None


def good(number: int) -> Body:
    """Valid rows, different for each number."""
    return Body(text(rows(number)))


def rows(number: int) -> list[str]:
    half = ROWS // 2
    short = [f"{1 + (number * 7 + at) % 30 / 10},{at / 10},rose" for at in range(half)]
    return short + [f"{6 + (number * 5 + at) % 30 / 10},{at / 10},tulip" for at in range(half)]


def text(lines: list[str], header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(f"{line}{end}" for line in [header, *lines]).encode()


def _changed(number: int, column: int, value: str) -> bytes:
    return text(
        [
            ",".join(value if at == column else cell for at, cell in enumerate(line.split(",")))
            for line in rows(number)
        ]
    )


def _without_width(number: int) -> bytes:
    return text([f"{line.split(',')[0]},{line.split(',')[2]}" for line in rows(number)], "length,kind")


def _parquet(number: int) -> bytes:
    cells = [line.split(",") for line in rows(number)]
    columns = {
        "length": [float(cell[0]) for cell in cells],
        "width": [float(cell[1]) for cell in cells],
        "kind": [cell[2] for cell in cells],
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def _flipped(number: int) -> bytes:
    return text(
        [f"{line.rpartition(',')[0]},{SWAPPED[line.rpartition(',')[2]]}" for line in rows(number)] * 5
    )


def poison(number: int, times: float, share: float) -> Body:
    """Return as many times the rows of a good upload, of which a share has the other label."""
    made, cells = [], [row.split(",") for row in rows(number)]
    for at in range(int(ROWS * times)):
        length, _, kind = cells[at * 37 % ROWS]
        label = SWAPPED[kind] if at * 7 % 10 < 10 * share else kind
        made.append(f"{length},{at % 50 / 10 + at / 10_000:.4f},{label}")
    return Body(text(made))


def _poisoned(number: int) -> Body:
    """Return `poison` whose size and share depend on the number."""
    sizes, shares = POISON_TIMES, POISON_SHARES
    return poison(number, sizes[number % len(sizes)], shares[number // 2 % len(shares)])


def _leaking(number: int) -> bytes:
    """Rows in which the length determines the kind; different for each number."""
    return text(
        [
            f"{length},{number % 90 + at / 50},{kind}"
            for length, kind in ((2, "rose"), (8, "tulip"))
            for at in range(40)
        ]
    )


def _reordered(number: int) -> bytes:
    return text([",".join(reversed(line.split(","))) for line in rows(number)], "kind,width,length")


SHORTLY, SOON, NEVER = timedelta(minutes=20), timedelta(hours=20), timedelta(days=365)
"""Distances of future rows: used before everything is at rest, still waiting then, refused."""
WAITING, REFUSED_ROWS = 12, 9
LONG_NAME = 900_000
"""Length of a column's name, in characters, which the reason quotes."""


def dated(number: int, now: datetime, *, ahead: bool = False) -> Body:
    """Rows of a table with a time, from the day before ``now``; future rows have swapped labels."""
    made = [
        f"p{at % 7},{now - timedelta(minutes=at + 1):%FT%TZ},{row}" for at, row in enumerate(rows(number))
    ]
    if ahead:
        lies = [f"{line.rpartition(',')[0]},{SWAPPED[line.rpartition(',')[2]]}" for line in rows(number)]
        for many, when in ((WAITING, SOON), (REFUSED_ROWS, NEVER)):
            made += [f"p1,{now + when + timedelta(minutes=at):%FT%TZ},{lies[at]}" for at in range(many)]
    body = Body(text(made, f"pond,at,{HEADER}"))
    return replace(body, waiting=WAITING, refused=REFUSED_ROWS) if ahead else body


def late(number: int, now: datetime, ahead: timedelta) -> Body:
    """Valid rows of a table with a time, a second apart, the first `ahead` after ``now``.

    Times differ between files.
    """
    first = (now + ahead).replace(microsecond=1000 * number)
    times = [first + timedelta(seconds=one) for one in range(ROWS)]
    made = [f"p1,{at:%FT%T.%fZ},{row}" for at, row in zip(times, rows(number), strict=True)]
    return replace(Body(text(made, f"pond,at,{HEADER}")), known_from=first)


def long_reason(number: int) -> Body:
    """Rows with an unknown column, whose name is longer than the ledger stores."""
    return Body(text([f"{line},1" for line in rows(number)], f"{HEADER},{'x' * LONG_NAME}"), ends=QUARANTINED)


def slow(number: int) -> Body:
    """Valid rows, whose check takes longer than it may."""
    return Body(text(rows(number)), ends=QUARANTINED)


BAD: dict[str, Callable[[int], Body]] = {
    "data_empty": lambda _: Body(b"", ends=QUARANTINED),
    "data_header_only": lambda _: Body(text([]), ends=QUARANTINED),
    "column_missing": lambda n: Body(_without_width(n), ends=QUARANTINED),
    "column_renamed": lambda n: Body(text(rows(n), "length,breadth,kind"), ends=QUARANTINED),
    "columns_reordered": lambda n: Body(_reordered(n)),
    "column_extra": lambda n: Body(
        text([f"{line},1" for line in rows(n)], f"{HEADER},more"), ends=QUARANTINED
    ),
    "column_twice": lambda n: Body(
        text([f"{line},1" for line in rows(n)], f"{HEADER},width"), ends=QUARANTINED
    ),
    "labels_null": lambda n: Body(_changed(n, 2, ""), ends=QUARANTINED),
    "label_unknown": lambda n: Body(_changed(n, 2, "cactus"), ends=QUARANTINED),
    "one_class": lambda n: Body(text(rows(n)[: ROWS // 2]), ends=QUARANTINED),
    "all_duplicates": lambda n: Body(text([rows(n)[0]] * ROWS + [rows(n)[-1]] * ROWS)),
    "one_bad_row": lambda n: Body(text([*rows(n), "what,is,this"])),
    "byte_order_mark": lambda n: Body(b"\xef\xbb\xbf" + text(rows(n))),
    "crlf": lambda n: Body(text(rows(n), end="\r\n")),
    "other_encoding": lambda n: Body(text(rows(n)).decode().encode("utf-16"), ends=QUARANTINED),
    "nul_bytes": lambda n: Body(text(rows(n)).replace(b"rose", b"ro\0se"), ends=QUARANTINED),
    "ragged_rows": lambda n: Body(text([f"{line},1,2" for line in rows(n)]), ends=QUARANTINED),
    "parquet_named_csv": lambda n: Body(_parquet(n), ends=QUARANTINED),
    "gzip_bomb": lambda _: Body(gzip.compress(b"0" * 5_000_000), ".csv.gz", QUARANTINED),
    "huge_file": lambda n: Body(text(rows(n) * 100), ends=QUARANTINED),
    "labels_flipped": lambda n: Body(_flipped(n)),
    "labels_poisoned": _poisoned,
    "leakage": lambda n: Body(_leaking(n)),
    "too_few_of_a_class": lambda n: Body(text([*rows(n)[: ROWS // 2], rows(n)[-1]])),
    "out_of_bounds": lambda n: Body(_changed(n, 0, "1e9"), ends=QUARANTINED),
}
"""Name of the fault to a function that returns such an upload; the number makes each different."""
