"""Estimate of what a step costs on AWS, from the dated prices in ``prices.json`` beside this file.

Storage, logs, messages and the ledger are left out: together they are below a tenth of a cent. On the laptop cloud the
figures are those that the same durations would cost on AWS.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class Charge:
    """Use of something that AWS bills.

    Parameters
    ----------
    price
        Name of the price in ``prices.json``.
    amount
        Number of units.
    """

    price: str
    amount: float


@cache
def _file() -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def usd(charges: Iterable[Charge]) -> float:
    """Return the cost of charges, in US dollars."""
    prices = _file()["prices"]
    return float(sum(one.amount * prices[one.price]["usd"] / prices[one.price]["per"] for one in charges))


def basis() -> str:
    """Return which prices the estimates are made of, with their date."""
    about = _file()
    return f"prices of {about['region']} as of {about['date']}, without any free tier (cli/verify/prices.json has the source of each)"
