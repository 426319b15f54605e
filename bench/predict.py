"""Cost of the predict function against the same function on Powertools, pydantic and boto3, in one run.

- Handler time for requests of one row and a hundred rows: both sides stop where bytes would leave the
process, so signing,
  (de)serialising and checking are included, the network is not. CPU time, in short interleaved rounds.
- Cold import: fresh processes, with bytecode present, until the function could take its first request.
- HTTP requests on the laptop cloud at 1, 8 and 64 connections.

The last line is one JSON object: ``handler_vs_powertools``, ``import_vs_powertools`` (Relearn / Powertools;
the aim is at most a third), ``http`` (requests per second by connections).
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth

from bench import arguments, laptop

ROOT = Path(__file__).resolve().parents[1]
AIM = 1 / 3
"""Largest ratio that meets the aim."""
MODEL = "iris"


@dataclass(frozen=True)
class Size:
    """Size of a measurement: rounds of both handlers, imports of each, numbers of connections and requests of each."""

    rounds: int = 25
    imports: int = 15
    connections: tuple[int, ...] = (1, 8, 64)
    requests: int = 600


SMALL = Size(rounds=1, imports=1, connections=(1, 4), requests=32)


def main() -> int:
    """Run the benchmark; print a table, then the figures as JSON. Return the exit code."""
    asked = arguments.read(__doc__, stage=True)
    size = SMALL if asked.small else Size()
    handlers = run("handlers", str(size.rounds))
    imports: dict[str, list[float]] = {"ours": [], "theirs": []}
    for name in imports:
        run("import", name)  # writes the bytecode
    for _ in range(size.imports):
        for name, times in imports.items():
            times.append(run("import", name)["ms"])
    result = {"handler_vs_powertools": show("handler, 1 row: CPU ms a request", handlers["1"])}
    show("handler, 100 rows: CPU ms a request", handlers["100"], aim=None)
    result["import_vs_powertools"] = show("cold import, ms", imports)
    with laptop.stage([MODEL], asked.stage) as (about, signer):
        load = Load(about["api_url"], signer, size.requests)
        load.rate(max(size.connections), quiet=True)  # makes the laptop cloud start the function's workers
        rates = {str(connections): load.rate(connections) for connections in size.connections}
    print(json.dumps({**result, "http": rates}))
    return 0


def run(*command: str) -> Any:
    """Run a measurement of `bench.predict_worker` in its own process, and return its figures."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", "bench.predict_worker", *command],
        cwd=ROOT,
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    return json.loads(done.stdout.splitlines()[-1])


def show(title: str, times: dict[str, list[float]], aim: float | None = AIM) -> float:
    """Print one row; return the median over the rounds of Relearn / Powertools."""
    ratio = statistics.median(one / other for one, other in zip(times["ours"], times["theirs"], strict=True))
    ours, theirs = (statistics.median(times[name]) for name in ("ours", "theirs"))
    verdict = "" if aim is None else f" (aim {aim:.3f}{'' if ratio <= aim else ', missed'})"
    print(f"{title:<38} ours {ours:>8.3f}  powertools {theirs:>8.3f}  ratio {ratio:.3f}{verdict}")
    return round(ratio, 3)


class Load:
    """Client that sends the same request over kept-alive connections.

    The request is signed once, before the clock starts: the API is measured, not the signer.

    Parameters
    ----------
    url, signer
        URL of the API, and the signer for it.
    requests
        Number of requests per measurement, over all connections.
    """

    def __init__(self, url: str, signer: SigV4Auth, requests: int) -> None:
        self._host = urlsplit(url).netloc
        self._body = laptop.one_row(url, signer, MODEL)
        self._headers = laptop.signed(signer, url, self._body, MODEL)
        self._requests = requests

    def rate(self, connections: int, *, quiet: bool = False) -> float:
        """Send requests over some connections; print rate and latencies; return the answers per second."""
        answered: list[float] = []
        refused: list[float] = []

        def client() -> None:
            connection = http.client.HTTPConnection(self._host, timeout=60)
            for _ in range(self._requests // connections):
                began = time.perf_counter()
                connection.request("POST", laptop.path_of(MODEL), self._body, self._headers)
                answer = connection.getresponse()
                answer.read()
                (answered if answer.status == 200 else refused).append(time.perf_counter() - began)
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(connections)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = len(answered) / (time.perf_counter() - began)
        if len(answered) < 2:
            raise SystemExit(f"{len(refused)} of {self._requests} requests were refused; no latency to tell")
        low, high = statistics.median(answered), statistics.quantiles(answered, n=100)[98]
        if not quiet:
            print(
                f"HTTP on the laptop cloud, {connections:>2} connections: {rate:>6.0f} answers/s, p50 {low * 1000:.1f} ms, "
                f"p99 {high * 1000:.1f} ms, {len(refused)} of {len(answered) + len(refused)} not answered 200"
            )
        return round(rate, 1)


if __name__ == "__main__":
    sys.exit(main())
