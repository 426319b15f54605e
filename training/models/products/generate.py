"""Makes synthetic visits to a shop: ``python -m training.models.products.generate --out DIR``.

Nobody behind these rows exists. Each visitor has a taste, one or two of the eight categories, and comes back now and
then for half a year. On a visit they look at a few products: mostly of their taste, else of any category, since some
categories draw more people than others; within a category a few products draw most of the looks. What they look at may
go into the cart, and from there be bought. The taste itself is in no table: a recommender can only find it in who looked
at what. The same arguments give the same bytes.
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
CATEGORIES = {  # how many people it draws
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
SKEW = 0.6  # of a category's products, the n-th draws n ** -SKEW
TWO_TASTES = 0.4  # share of the visitors
TO_TASTE = 0.85  # share of their looks
VISITS, LOOKS = (3, 9), (2, 5)  # fewest and most
INTO_CART, BOUGHT = 0.22, 0.5  # chances, of what was looked at and of what is in the cart
Row = tuple[str, str, str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write events.csv."""
    parser = argparse.ArgumentParser(prog="python -m training.models.products.generate", description=__doc__)
    parser.add_argument("--visitors", type=int, default=600, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="another number, other visitors")
    parser.add_argument("--out", type=Path, required=True, help="folder for events.csv")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    write(given.visitors, given.seed, given.out)
    return 0


def write(visitors: int, seed: int, out: Path) -> None:
    """Write the table, in the order of time.

    Parameters
    ----------
    visitors
        How many.
    seed
        Of the random numbers.
    out
        An existing folder.
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
    """Make everything that one visitor does."""
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
    """Choose different words, each by its share of those that are left."""
    left = dict(shares)
    chosen = []
    for _ in range(count):
        chosen.append(random.choices(list(left), list(left.values()))[0])
        del left[chosen[-1]]
    return chosen


if __name__ == "__main__":
    sys.exit(main())
