"""Generate synthetic visits to a shop: ``python -m training.models.products.generate --out DIR``.

No real visitor is behind these rows. Each visitor has a taste, one or two of the eight categories, and comes
back from time to time for half a year. On a visit they look at a few products: mostly of their taste, else of
any category, since some categories attract more people than others. Within a category a few products attract
most of the views. A viewed product may go into the cart, and from there be bought. The taste itself is in no
table: a recommender can only find it in who viewed what. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 180
CATEGORIES = {  # share of visitors that each attracts
    "tea": 0.20,
    "coffee": 0.18,
    "kitchen": 0.15,
    "garden": 0.12,
    "books": 0.11,
    "games": 0.10,
    "sport": 0.08,
    "pets": 0.06,
}
PRODUCTS_EACH = 15
SKEW = 0.6  # the n-th product of a category attracts views in proportion to n ** -SKEW
TWO_TASTES = 0.4  # share of visitors with two tastes
TO_TASTE = 0.85  # share of views within the visitor's taste
VISITS, LOOKS = (3, 9), (2, 5)  # fewest and most: visits per visitor, views per visit
INTO_CART, BOUGHT = 0.22, 0.5  # chances: of a viewed product, of one in the cart
Row = tuple[str, str, str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write events.csv; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.models.products.generate", description=__doc__)
    parser.add_argument("--visitors", type=int, default=600, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="another number, other visitors")
    parser.add_argument("--out", type=Path, required=True, help="folder for events.csv")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    write(given.visitors, given.seed, given.out)
    return 0


def write(visitors: int, seed: int, out: Path) -> None:
    """Write the events, ordered by time.

    Parameters
    ----------
    visitors
        Number of visitors.
    seed
        Seed of the random numbers.
    out
        Existing folder.
    """
    happened = [
        event
        for number in range(1, visitors + 1)
        for event in visits(f"v{number:04d}", Random(f"{seed} {number}"))
    ]
    with (out / "events.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("visitor", "product", "event", "at"))
        happened.sort(key=lambda row: (row[3], row))
        table.writerows(happened)


def visits(visitor: str, random: Random) -> list[Row]:
    """Return all events of one visitor."""
    tastes = _pick(CATEGORIES, random, 2 if random.random() < TWO_TASTES else 1)
    events: list[Row] = []
    for _ in range(random.randint(*VISITS)):
        at = START + timedelta(minutes=random.randrange(DAYS * 1440))
        for _ in range(random.randint(*LOOKS)):
            for kind in _looks(random):
                at += timedelta(minutes=random.randint(1, 4))
                if kind == "view":
                    product = _product(tastes, random)
                events.append((visitor, product, kind, f"{at:%Y-%m-%dT%H:%MZ}"))
    return events


def _looks(random: Random) -> Iterator[str]:
    yield "view"
    if random.random() < INTO_CART:
        yield "cart"
        if random.random() < BOUGHT:
            yield "purchase"


def _product(tastes: Sequence[str], random: Random) -> str:
    to_taste = random.random() < TO_TASTE
    category = random.choice(tastes) if to_taste else _pick(CATEGORIES, random, 1)[0]
    shares = {f"{category}-{number:02d}": number**-SKEW for number in range(1, PRODUCTS_EACH + 1)}
    return _pick(shares, random, 1)[0]


def _pick(shares: dict[str, float], random: Random, count: int) -> list[str]:
    """Choose ``count`` different keys, each by its share among those left."""
    left = dict(shares)
    chosen = []
    for _ in range(count):
        chosen.append(random.choices(list(left), list(left.values()))[0])
        del left[chosen[-1]]
    return chosen


if __name__ == "__main__":
    sys.exit(main())
