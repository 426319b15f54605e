"""Latency that a candidate beside the champion costs callers, over HTTP on the laptop cloud, in one run.

Blocks of requests alternate between a route without a candidate, one with a shadow and one with a canary. The
candidate is the champion itself, so that only the path differs. The last line is one JSON object: ``shadow``
and ``canary``, the medians' ratios to the route without a candidate (the aim for the shadow is at most 1.1).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3

from bench import arguments, laptop

MODEL = "iris"
REMEMBERED_SECONDS = 5.5  # longer than predict caches a route
AIM = 1.1
"""Largest ratio of the shadow that meets the aim."""


@dataclass(frozen=True)
class Size:
    """Size of a measurement: warm-up rounds, counted rounds, and requests per block."""

    warm_up: int = 1
    rounds: int = 5
    requests: int = 300


SMALL = Size(warm_up=0, rounds=1, requests=20)
ROUTES: dict[str, dict[str, Any]] = {
    "alone": {"weight": 0, "shadow": False},
    "shadow": {"weight": 0, "shadow": True},
    "canary": {"weight": 50, "shadow": False},
}


def main() -> int:
    """Run the benchmark; print a table, then the ratios as JSON. Return 1 when the aim is missed."""
    asked = arguments.read(__doc__, stage=True)
    size = SMALL if asked.small else Size()
    with laptop.stage([MODEL], asked.stage) as (about, signer):
        body = laptop.one_row(about["api_url"], signer, MODEL)
        headers = laptop.signed(signer, about["api_url"], body, MODEL)
        connection = http.client.HTTPConnection(urlsplit(about["api_url"]).netloc, timeout=60)
        with candidate(about) as write:
            times = measured(lambda: ask(connection, body, headers), write, size)
    medians = {name: [statistics.median(block) for block in blocks] for name, blocks in times.items()}
    result = {name: ratio(medians, name) for name in ("shadow", "canary")}
    for name, blocks in medians.items():
        told = f"  ratio {result[name]:.3f}" if name in result else ""
        print(f"{name:<8} p50 {statistics.median(blocks) * 1000:>7.2f} ms{told}")
    print(json.dumps(result))
    return int(result["shadow"] > AIM and not asked.small)


def measured(
    request: Callable[[], float], write: Callable[[dict[str, Any]], None], size: Size
) -> dict[str, list[list[float]]]:
    """Measure blocks of requests, route by route, round by round, without the warm-up rounds; in seconds."""
    times: dict[str, list[list[float]]] = {name: [] for name in ROUTES}
    for number in range(size.warm_up + size.rounds):
        for name, route in ROUTES.items():
            write(route)
            time.sleep(REMEMBERED_SECONDS)
            block = [request() for _ in range(size.requests)]
            if number >= size.warm_up:
                times[name].append(block)
    return times


def ratio(medians: dict[str, list[float]], name: str) -> float:
    """Return the median, over the rounds, of a route's median latency divided by that without a candidate."""
    pairs = zip(medians[name], medians["alone"], strict=True)
    return round(statistics.median(one / other for one, other in pairs), 3)


def ask(connection: http.client.HTTPConnection, body: str, headers: dict[str, str]) -> float:
    """Send a request; return its duration in seconds."""
    began = time.perf_counter()
    connection.request("POST", laptop.path_of(MODEL), body, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"predict answers {answer.status}")
    return time.perf_counter() - began


@contextlib.contextmanager
def candidate(about: dict[str, Any]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that writes a route with the champion as its own candidate; remove it at the end.

    It writes to the ledger with the credentials of the account's administrator.
    """
    session = boto3.Session(about["access_key_id"], about["secret_access_key"], region_name=about["region"])
    dynamodb = session.resource("dynamodb", endpoint_url=about["endpoint_url"])
    table = dynamodb.Table(about["outputs"]["LedgerTable"])
    key = {"pk": f"MODEL#{MODEL}", "sk": "ROUTE"}
    champion = table.get_item(Key=key, ConsistentRead=True)["Item"]["champion"]

    def write(route: dict[str, Any]) -> None:
        table.update_item(
            Key=key,
            UpdateExpression="SET candidate = :c, weight = :w, shadow = :s",
            ExpressionAttributeValues={
                ":c": champion if route["weight"] or route["shadow"] else 0,
                ":w": route["weight"],
                ":s": route["shadow"],
            },
        )

    try:
        yield write
    finally:
        write(ROUTES["alone"])


if __name__ == "__main__":
    sys.exit(main())
