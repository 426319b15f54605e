"""Compute the monthly cost of a model in each hosting mode, from the prices in ``bench/prices.json``.

``python -m bench.costs`` writes the tables of ``docs/how-to/HOSTING.md`` again; a test checks that the page
has them.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PRICES = ROOT / "bench" / "prices.json"
PAGE = ROOT / "docs" / "how-to" / "HOSTING.md"
BEGIN, END = "<!-- written by `make costs` -->", "<!-- end of what `make costs` writes -->"
HOURS = 730  # hours in a month
MINUTES = HOURS * 60
REQUESTS = (1_000, 100_000, 10_000_000)
"""Monthly requests that the tables have rows for."""
BUSY = 0.7
"""Share of its cores that scaling keeps an instance busy for."""
MODES = ("Serverless", "Realtime", "InLambda")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Resources that one request uses, and resources that are provisioned for it.

    Parameters
    ----------
    title
        Kind of the model.
    model_ms
        Time of the model itself per request, in milliseconds; a serverless endpoint bills it.
    own_ms, hop_ms
        Further time of the function per request, in milliseconds: for checks and records, and for the round
        trip to an endpoint.
    predict_mb, serverless_mb, host_mb
        Memory of the predict function, the serverless endpoint, and the function that hosts the model, in MB.
    kilobytes
        Data into and out of an endpoint per request, together.
    minimum, cores
        Fewest instances of a version, and the cores of one.
    peak
        Requests of the busiest minute, as a multiple of the average.
    """

    title: str
    model_ms: float
    own_ms: float = 4
    hop_ms: float = 8
    predict_mb: int = 512
    serverless_mb: int = 2048
    host_mb: int = 1769
    kilobytes: float = 2
    minimum: int = 1
    cores: int = 2
    peak: float = 3

    @property
    def target(self) -> float:
        """Invocations per instance and minute that scaling aims at: its cores are then busy for `BUSY`."""
        return BUSY * self.cores * 60_000 / self.model_ms


SMALL = Usage(title="a small model: 2 ms, 2 GB", model_ms=2)
LARGE = Usage(title="a large model: 100 ms, 4 GB", model_ms=100, serverless_mb=4096, host_mb=3538)


def load() -> dict[str, float]:
    """Return the price of one unit of each item, in US dollars."""
    prices = json.loads(PRICES.read_text(encoding="utf-8"))["prices"]
    return {name: price["usd"] / price["per"] for name, price in prices.items()}


ALARMS, HOST_ALARMS = 1, 2
"""Alarms of a model: the guard of its rollouts; and errors and throttles of its host, if it has one
(infra/stacks/monitoring.py)."""


def idle(prices: Mapping[str, float], alarms: int = ALARMS) -> float:
    """Return what a model costs in a month in which nobody asks it, but for its instances, in US dollars."""
    return alarms * prices["cloudwatch_alarm_month"]


def month(prices: Mapping[str, float], use: Usage, requests: int) -> dict[str, dict[str, float]]:
    """Return the monthly cost of each mode, by item, in US dollars."""
    around = {
        "API": requests * prices["http_api_request"],
        "records": requests * _record(prices),
    }
    predict = requests * _function(prices, use.predict_mb, use.own_ms + use.hop_ms + use.model_ms)
    data = requests * use.kilobytes / 1_000_000 * prices["sagemaker_data_gb"]
    seconds = requests * use.model_ms / 1000 * use.serverless_mb / 1024
    hours = HOURS * instances(use, requests)
    return {
        "Serverless": {
            **around,
            "function": predict,
            "endpoint": seconds * prices["sagemaker_serverless_gb_second"] + data,
        },
        "Realtime": {
            **around,
            "function": predict,
            "endpoint": hours * prices["sagemaker_hosting_hour"] + data,
        },
        "InLambda": {
            **around,
            "function": requests * _function(prices, use.host_mb, use.own_ms + use.model_ms),
        },
    }


def instances(use: Usage, requests: int) -> int:
    """Return the number of instances that run all month: for the busiest minute, and for the previous version."""
    busiest = requests / MINUTES * use.peak
    return max(use.minimum, math.ceil(busiest / use.target)) + use.minimum


def break_even(prices: Mapping[str, float], use: Usage, mode: str) -> int:
    """Return the monthly requests, to two digits, from which Realtime costs less than ``mode``; 0: never."""
    looked_at: Iterator[int] = (digits * 10**zeros for zeros in range(2, 10) for digits in range(10, 100))
    for requests in looked_at:
        costs = month(prices, use, requests)
        if sum(costs["Realtime"].values()) < sum(costs[mode].values()):
            return requests
    return 0


def tables(prices: Mapping[str, float], uses: tuple[Usage, ...] = (SMALL, LARGE)) -> str:
    """Return the tables as Markdown."""
    about = json.loads(PRICES.read_text(encoding="utf-8"))
    lines = [
        f"US dollars a month, {about['region']}, prices of {about['date']} (`bench/prices.json`), without any free tier.",
    ]
    for use in uses:
        lines += ["", f"**{use.title[0].upper()}{use.title[1:]}**", "", *_table(prices, use)]
    hosted = ALARMS + HOST_ALARMS
    told = f"{idle(prices):.2f} a month for its alarm, {idle(prices, hosted):.2f} for {hosted} alarms when it has a host"
    lines += ["", f"A model that nobody asks costs {told}, beside stored data and instances."]
    return "\n".join(lines)


def _table(prices: Mapping[str, float], use: Usage) -> list[str]:
    rows = [
        f"| requests a month | {' | '.join(MODES)} | of that API and records |",
        "|---:|---:|---:|---:|---:|",
    ]
    for requests in REQUESTS:
        costs = month(prices, use, requests)
        figures = [_dollars(sum(costs[mode].values())) for mode in MODES]
        around = _dollars(costs["InLambda"]["API"] + costs["InLambda"]["records"])
        rows.append(f"| {requests:,} | {' | '.join(figures)} | {around} |")
    told = [
        f"{mode} {f'from {found:,} requests a month on' if (found := break_even(prices, use, mode)) else 'never'}"
        for mode in ("Serverless", "InLambda")
    ]
    return [*rows, "", f"Realtime costs less than {' and than '.join(told)}."]


def _record(prices: Mapping[str, float]) -> float:
    """Return the price of one prediction record: sent, received and deleted in a batch of ten, indexed once."""
    queue = (1 + 2 / 10) * prices["sqs_request"]
    return queue + prices["dynamodb_write_request_unit"] + prices["dynamodb_read_request_unit"]


def _function(prices: Mapping[str, float], memory_mb: int, milliseconds: float) -> float:
    """Return the price of one invocation of a function; Lambda bills whole milliseconds."""
    seconds = math.ceil(milliseconds) / 1000
    return prices["lambda_request"] + seconds * memory_mb / 1024 * prices["lambda_arm64_gb_second"]


def _dollars(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"  # no cents from 100 dollars on


def page(text: str) -> str:
    """Return the text of the page with new tables."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables(load())}\n\n{END}{after}"


def main() -> int:
    """Write the tables into the page; return the exit code."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def show(use: Usage) -> dict[str, Any]:
    """Print the table of one usage; return the sums by requests and mode, in US dollars."""
    prices = load()
    print("\n".join(_table(prices, use)))
    return {
        str(requests): {
            mode: round(sum(items.values()), 2) for mode, items in month(prices, use, requests).items()
        }
        for requests in REQUESTS
    }


if __name__ == "__main__":
    sys.exit(main())
