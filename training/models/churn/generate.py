"""Generate synthetic customers and their events: ``python -m training.models.churn.generate --out DIR``.

No real customer is behind these rows. Each customer is a random process in weeks, either content or in
trouble. Trouble comes by chance, reduces the visits, adds calls for help, and may pass. Trouble and failed
payments are what makes customers leave, far more than their plan does. The trouble itself is in no table, so
a model can only find its traces. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

START = datetime(2025, 1, 1, tzinfo=UTC)
WEEKS = 52
PLANS = {"basic": (0.5, 1.3), "plus": (0.35, 0.9), "pro": (0.15, 0.6)}  # share, factor on chance to leave
CHANNELS = {"search": (0.5, 1.0), "advert": (0.3, 1.2), "friend": (0.2, 0.8)}
TROUBLE_COMES, TROUBLE_PASSES = 0.025, 0.06  # chances per week
FADING = 0.6  # factor on the visits for each week of trouble
PATIENCE = 3  # weeks of trouble before a customer may leave because of it
LEAVE_CONTENT, LEAVE_IN_TROUBLE, LEAVE_UNPAID = 0.001, 0.13, 0.06  # chances per week
TICKETS_CONTENT, TICKETS_IN_TROUBLE = 0.015, 0.35  # average number per week
PAYMENT_FAILS, UNPAID_WEEKS = 0.01, 6  # chance per week; weeks during which it makes leaving likelier
Row = tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write customers.csv and events.csv; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.models.churn.generate", description=__doc__)
    parser.add_argument("--customers", type=int, default=300, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="another number, other customers")
    parser.add_argument("--out", type=Path, required=True, help="folder for customers.csv and events.csv")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    write(given.customers, given.seed, given.out)
    return 0


def write(customers: int, seed: int, out: Path) -> None:
    """Write both tables, customer by customer.

    Parameters
    ----------
    customers
        Number of customers.
    seed
        Seed of the random numbers.
    out
        Existing folder.
    """
    with (
        (out / "customers.csv").open("w", encoding="utf-8", newline="") as first,
        (out / "events.csv").open("w", encoding="utf-8", newline="") as second,
    ):
        people, events = csv.writer(first, lineterminator="\n"), csv.writer(second, lineterminator="\n")
        people.writerow(("customer_id", "signed_up", "plan", "channel"))
        events.writerow(("customer_id", "at", "kind", "amount"))
        for number in range(customers):
            person, happened = customer(f"c{number + 1}", Random(f"{seed} {number}"))
            people.writerow(person)
            events.writerows(happened)


def customer(name: str, random: Random) -> tuple[Row, list[Row]]:
    """Return one customer's row, and their events ordered by time."""
    plan, channel = _pick(PLANS, random), _pick(CHANNELS, random)
    signed_up = START + timedelta(minutes=random.randrange(-365 * 1440, 300 * 1440))
    aptness = PLANS[plan][1] * CHANNELS[channel][1]
    events = sorted(_life(random, max(signed_up, START), aptness))
    return (name, _written(signed_up), plan, channel), [(name, _written(at), *what) for at, *what in events]


def _life(random: Random, since: datetime, aptness: float) -> Iterator[tuple[datetime, str, str]]:
    visits, trouble, unpaid = random.lognormvariate(-0.4, 0.4), 0, 0
    week, end = since, START + timedelta(weeks=WEEKS)
    while week < end:
        if trouble:
            trouble = 0 if random.random() < TROUBLE_PASSES else trouble + 1
        else:
            trouble = int(random.random() < TROUBLE_COMES)
        leaves = random.random() < aptness * (
            LEAVE_CONTENT + LEAVE_IN_TROUBLE * (trouble > PATIENCE) + LEAVE_UNPAID * (unpaid > 0)
        )
        failed = random.random() < PAYMENT_FAILS
        unpaid = UNPAID_WEEKS if failed else max(unpaid - 1, 0)
        length = random.randrange(7 * 1440) if leaves else 7 * 1440
        happened = _week(random, visits * FADING**trouble, trouble=trouble > 0, failed=failed)
        yield from (
            (week + timedelta(minutes=at), kind, amount)
            for at, kind, amount in happened
            if at < length and week + timedelta(minutes=at) < end
        )
        if leaves:
            if week + timedelta(minutes=length) < end:
                yield week + timedelta(minutes=length), "cancel", ""
            return
        week += timedelta(weeks=1)


def _week(
    random: Random,
    visits: float,
    *,
    trouble: bool,
    failed: bool,
) -> Iterator[tuple[int, str, str]]:
    for _ in range(_poisson(random, visits)):
        at = random.randrange(7 * 1440 - 60)
        yield at, "visit", ""
        if random.random() < 0.2:  # noqa: PLR2004
            yield at + random.randrange(1, 60), "purchase", f"{random.lognormvariate(3, 0.6):.2f}"
    for _ in range(_poisson(random, TICKETS_IN_TROUBLE if trouble else TICKETS_CONTENT)):
        yield random.randrange(7 * 1440), "ticket", ""
    if failed:
        yield random.randrange(1440), "payment_failed", ""


def _poisson(random: Random, mean: float) -> int:
    count, product, limit = 0, random.random(), math.exp(-mean)
    while product > limit:
        count, product = count + 1, product * random.random()
    return count


def _pick(choices: dict[str, tuple[float, float]], random: Random) -> str:
    return random.choices(list(choices), [share for share, _ in choices.values()])[0]


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"


if __name__ == "__main__":
    sys.exit(main())
