"""Data of the sandbox models, in which a better version, a worse one and a broken file are certain.

Parcels have a length and a width. Those of the first file are all narrow, so the first version learns that long ones
are large. The better file has wide ones too, of which long ones are small: the first version is wrong about them
all. The worse file has as many rows as both and the opposite labels, so that nothing fits both.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator

Row = dict[str, float | str]
NARROW_SMALL, NARROW_LARGE, WIDE_SMALL = (1.0, 1.0), (9.0, 1.0), (9.0, 9.0)
"""Length and width around which parcels lie, by what they are."""
SPREAD = 0.5
"""Largest deviation from those, in cm."""
EACH = 60
"""Rows of each group in a file."""
OPPOSITE = {"small": "large", "large": "small"}


def first() -> bytes:
    """Return the first data of the model in Lambda, as CSV: `EACH` narrow parcels of each size."""
    return _csv(_parcels(1, (NARROW_SMALL, "small"), (NARROW_LARGE, "large")))


def better() -> bytes:
    """Return data that the first version is wrong about, as CSV: wide parcels, and as many narrow ones."""
    return _csv(_better())


def worse() -> bytes:
    """Return data with the labels of `first` and `better` reversed, as CSV."""
    rows = [*_parcels(3, (NARROW_SMALL, "small"), (NARROW_LARGE, "large")), *_better(seed=4)]
    return _csv({**row, "size": OPPOSITE[str(row["size"])]} for row in rows)


def broken() -> bytes:
    """Return a file that ingest must refuse, because it lacks a column."""
    return b"length,size\n1.0,small\n9.0,large\n"


def weights() -> bytes:
    """Return the data of the model with an endpoint, as CSV: three kilograms for each centimetre, and some noise."""
    chance = random.Random(5)
    lengths = [round(chance.uniform(1, 10), 3) for _ in range(2 * EACH)]
    return _csv(
        {"length": length, "weight": round(3 * length + chance.uniform(-1, 1), 3)} for length in lengths
    )


def question(place: tuple[float, float]) -> dict[str, float]:
    """Return a parcel of a group, for a request."""
    length, width = place
    return {"length": length, "width": width}


def batch(rows: int) -> bytes:
    """Return a file to score, as JSON Lines: parcels of the two narrow groups in turn."""
    places = (NARROW_SMALL, NARROW_LARGE)
    return b"".join(json.dumps(question(places[row % 2])).encode() + b"\n" for row in range(rows))


def _better(seed: int = 2) -> list[Row]:
    groups = ((NARROW_SMALL, "small"), (NARROW_LARGE, "large"), (WIDE_SMALL, "small"), (WIDE_SMALL, "small"))
    return list(_parcels(seed, *groups))


def _parcels(seed: int, *groups: tuple[tuple[float, float], str]) -> Iterator[Row]:
    chance = random.Random(seed)
    for place, size in groups:
        for _ in range(EACH):
            length, width = (round(middle + chance.uniform(-SPREAD, SPREAD), 3) for middle in place)
            yield {"length": length, "width": width, "size": size}


def _csv(rows: Iterable[Row]) -> bytes:
    listed = list(rows)
    lines = [",".join(listed[0]), *(",".join(map(str, row.values())) for row in listed)]
    return "\n".join(lines).encode() + b"\n"
