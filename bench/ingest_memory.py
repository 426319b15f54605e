"""Memory and time of ingest: ``python bench/ingest_memory.py``; exit code 1 when a limit is exceeded.

A CSV of the largest allowed size is checked and written as a shard. Gzip files of ten megabytes that unpack
to ten gigabytes are refused, and so is one of a million empty members. The size limit is derived from the
rate of the CSV, which must be at least `relearn.spec.policies.CHECKED_PER_SECOND`. The files are generated in
a folder that is deleted afterwards. Each is checked by the `preparation` of the ingest function, with the
same settings, in its own process, whose peak memory is reported. Needs 8 GB of disk.

The last line is one JSON object: ``held`` (whether no limit was exceeded), ``mb_per_second`` (of text) and
``files`` (the figures of each file).
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import arguments
from relearn.spec.policies import CHECKED_PER_SECOND, LARGEST_UPLOAD

WORKER = Path(__file__).with_name("ingest_memory_worker.py")
HEADER = "customer,at,seconds,pages,basket,country,returning,search,ordered\n"
WORDS = ["red", "blue", "shoes", "coat", "garden", "chair", "lamp", "summer", "winter", "small", "large"]
BLOCK_ROWS = 20_000
BLOCKS = 20
BAD_ROW = "c1,2026-05-04T10:00:00Z,long,3,1.5,DE,true,,no\n"
RATE_FROM_MB = 100
"""Smallest table whose rate counts, in MB: the process takes a second to start."""
CSV_LIMIT_MB, BOMB_LIMIT_MB = 1000, 300
"""Limits on the peak memory of a process, in MB, for the CSV and for the gzip files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Size of the files: bytes of the table, of a gzip member, of all members unpacked; empty members."""

    csv: int = LARGEST_UPLOAD - 10_000_000
    member: int = 100_000_000
    bomb: int = 10_000_000_000
    empty_members: int = 1_000_000


SMALL = Size(csv=4_000_000, member=1_000_000, bomb=20_000_000, empty_members=5_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Outcome and cost of checking one file."""

    file: str
    size_mb: float
    unpacked_mb: float
    outcome: str
    rows_accepted: int
    rows_rejected: int
    shard_mb: int
    seconds: float
    peak_mb: float
    limit_mb: int


def _rows(rng: random.Random) -> Iterator[str]:
    for _ in range(BLOCK_ROWS):
        basket = f"{rng.uniform(0, 400):.2f}" if rng.random() < 0.7 else ""
        search = " ".join(rng.choices(WORDS, k=rng.randrange(8)))
        at = f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randrange(24):02}:{rng.randrange(60):02}:00Z"
        yield (
            f"c{rng.randrange(10**7)},{at},{rng.uniform(0, 3600):.3f},{rng.randrange(60)},{basket},"
            f"{rng.choice(('DE', 'FR', 'JP', 'US'))},{rng.choice(('true', 'false'))},{search},{rng.choice(('no', 'yes'))}\n"
        )


def _csv(path: Path, size: int) -> int:
    """Write a table with one bad row per `BLOCK_ROWS`; return its size in bytes."""
    rng = random.Random(20260504)
    blocks = ["".join([*_rows(rng), BAD_ROW]).encode() for _ in range(BLOCKS)]
    written = 0
    with path.open("wb") as out:
        written += out.write(HEADER.encode())
        while written < size:
            written += out.write(blocks[rng.randrange(BLOCKS)])
    return written


def _bomb(path: Path, start: bytes, unit: bytes, size: Size) -> int:
    """Write a gzip of ``start`` and many members of repeated ``unit``; return the unpacked size in bytes."""
    content = unit * (size.member // len(unit))
    members = size.bomb // size.member
    path.write_bytes(gzip.compress(start, mtime=0) + gzip.compress(content, 9, mtime=0) * members)
    return len(start) + members * len(content)


def _measure(path: Path, unpacked: int, limit_mb: int) -> Result:
    command = [sys.executable, str(WORKER), str(path), path.name]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(ran.stdout)
    told.pop("detail")
    size = path.stat().st_size
    path.unlink()
    return Result(file=path.name, size_mb=size / 1e6, unpacked_mb=unpacked / 1e6, limit_mb=limit_mb, **told)


def _results(folder: Path, size: Size) -> Iterator[Result]:
    table = folder / "visits.csv"
    yield _measure(table, _csv(table, size.csv), CSV_LIMIT_MB)
    row = next(_rows(random.Random(1))).encode()
    bombs = {
        "rows.csv.gz": (HEADER.encode(), row),
        "zeros.csv.gz": (HEADER.encode(), b"\0" * 1_000_000),
        "blank.csv.gz": (b"", b"\n" * 1_000_000),
    }
    for name, (start, unit) in bombs.items():
        path = folder / name
        yield _measure(path, _bomb(path, start, unit, size), BOMB_LIMIT_MB)
    members = folder / "members.csv.gz"
    members.write_bytes(
        gzip.compress(HEADER.encode(), mtime=0) + gzip.compress(b"", mtime=0) * size.empty_members
    )
    yield _measure(members, len(HEADER), BOMB_LIMIT_MB)


def _print(results: list[Result]) -> None:
    sys.stdout.write(
        f"{'file':14} {'MB':>7} {'unpacked MB':>12} {'outcome':>10} {'rows':>11} {'rejected':>9} {'shard MB':>9} "
        f"{'seconds':>8} {'peak MB':>8} {'limit':>6}\n"
    )
    for one in results:
        sys.stdout.write(
            f"{one.file:14} {one.size_mb:7.1f} {one.unpacked_mb:12.0f} {one.outcome:>10} {one.rows_accepted:11} "
            f"{one.rows_rejected:9} {one.shard_mb:9} {one.seconds:8.1f} {one.peak_mb:8.0f} {one.limit_mb:6}\n"
        )


def main() -> int:
    """Run the benchmark; print a table, then the figures as JSON. Return the exit code."""
    size = SMALL if arguments.read(__doc__).small else Size()
    with tempfile.TemporaryDirectory(prefix="ingest-memory-") as folder:
        results = list(_results(Path(folder), size))
    _print(results)
    table = results[0]
    rate = table.size_mb / table.seconds
    sys.stdout.write(
        f"{rate:.1f} MB of text a second; the limit on size expects {CHECKED_PER_SECOND / 1e6:g}\n"
    )
    fast = rate * 1e6 >= CHECKED_PER_SECOND or table.size_mb < RATE_FROM_MB
    held = fast and all(
        one.peak_mb < one.limit_mb and (one.outcome == "accepted") == (one.file == "visits.csv")
        for one in results
    )
    sys.stdout.write(
        json.dumps({"held": held, "mb_per_second": round(rate, 2), "files": [asdict(one) for one in results]})
        + "\n"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
