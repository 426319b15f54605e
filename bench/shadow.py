"""What callers pay for a candidate that is tried beside the champion: latency end to end on the laptop cloud, in one run.

Blocks of requests alternate between a route without a candidate, one with a shadow, and a canary's; the candidate is the
champion itself, so that nothing differs but the way. The last line is one JSON object: ``shadow`` and ``canary``, the
medians' ratios to the route without a candidate (the aim for the shadow is 1.1 at most).
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3

from bench.predict import PATH, laptop_stage, sample_text, signed

ROUNDS, REQUESTS = 5, 300  # requests a block
REMEMBERED_SECONDS = 5.5  # longer than predict remembers a route
AIM = 1.1
ROUTES: dict[str, dict[str, Any]] = {
    "alone": {"candidate": 0, "weight": 0, "shadow": False},
    "shadow": {"candidate": 1, "weight": 0, "shadow": True},
    "canary": {"candidate": 1, "weight": 50, "shadow": False},
}


def main() -> int:
    """Measure and print."""
    with laptop_stage() as (about, signer):
        body = json.dumps({"instances": json.loads(sample_text())["instances"][:1]})
        headers = signed(signer, about["api_url"], body)
        connection = http.client.HTTPConnection(urlsplit(about["api_url"]).netloc, timeout=60)
        times = measured(lambda: ask(connection, body, headers), route_writer(about))
    medians = {name: [statistics.median(block) for block in blocks] for name, blocks in times.items()}
    result = {name: ratio(medians, name) for name in ("shadow", "canary")}
    for name, blocks in medians.items():
        told = f"  ratio {result[name]:.3f}" if name in result else ""
        print(f"{name:<8} p50 {statistics.median(blocks) * 1000:>7.2f} ms{told}")
    print(json.dumps(result))
    return int(result["shadow"] > AIM)


def measured(
    request: Callable[[], float], write: Callable[[dict[str, Any]], None]
) -> dict[str, list[list[float]]]:
    """Ask in blocks, route by route, round by round; the first round only warms up."""
    times: dict[str, list[list[float]]] = {name: [] for name in ROUTES}
    for number in range(ROUNDS + 1):
        for name, route in ROUTES.items():
            write(route)
            time.sleep(REMEMBERED_SECONDS)
            block = [request() for _ in range(REQUESTS)]
            if number:
                times[name].append(block)
    return times


def ratio(medians: dict[str, list[float]], name: str) -> float:
    """Give the median over the rounds of a route's median latency to that of the route without a candidate."""
    pairs = zip(medians[name], medians["alone"], strict=True)
    return round(statistics.median(one / other for one, other in pairs), 3)


def ask(connection: http.client.HTTPConnection, body: str, headers: dict[str, str]) -> float:
    """Ask once; gives the seconds it took."""
    began = time.perf_counter()
    connection.request("POST", PATH, body, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"predict answers {answer.status}")
    return time.perf_counter() - began


def route_writer(about: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Give what moves the candidate of iris, as the account's administrator."""
    session = boto3.Session(about["access_key_id"], about["secret_access_key"], region_name=about["region"])
    dynamodb = session.resource("dynamodb", endpoint_url=about["endpoint_url"])
    table = dynamodb.Table(about["outputs"]["LedgerTable"])

    def write(route: dict[str, Any]) -> None:
        table.update_item(
            Key={"pk": "MODEL#iris", "sk": "ROUTE"},
            UpdateExpression="SET candidate = :c, weight = :w, shadow = :s",
            ExpressionAttributeValues={
                ":c": route["candidate"],
                ":w": route["weight"],
                ":s": route["shadow"],
            },
        )

    return write


if __name__ == "__main__":
    sys.exit(main())
