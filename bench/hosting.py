"""Latency of the three hosting modes over HTTP on the laptop cloud, in one run, and the monthly cost of each.

One stage has three copies of the same model, one per mode, each warmed up. The modes take turns, a block of
requests at a time over one kept-alive connection, so that a slow moment of the machine affects all of them.
On the laptop an endpoint is a process on the same machine in every mode, so only the path to it differs. In
AWS there is a network between, and an idle function or serverless endpoint starts cold.

The costs are computed from the durations of this run. The last line is one JSON object: ``latency`` (p50 in
ms by mode), ``ratio`` (medians' ratios to Serverless) and ``usd_a_month`` (by requests per month, and mode).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth

from bench import arguments, costs, laptop
from bench.apps import with_models

SERVERLESS = "Serverless(memory_mb=2048, max_concurrency=10)"
MODELS = {
    "Serverless": ("irisone", SERVERLESS),
    "Realtime": ("iristwo", 'Realtime(instance="ml.m5.large", minimum=1, maximum=2)'),
    "InLambda": ("iristhree", "InLambda()"),
}
"""Name and hosting of the model of each mode."""
STANDING = {"Serverless": "iris", "InLambda": "diabetes"}
"""Model per mode when a running cloud is given; the models differ, so the ratios mean nothing."""


@dataclass(frozen=True)
class Size:
    """Size of a measurement: warm-up rounds, counted rounds, and requests per block.

    Blocks are short, because the machine may be slow for a while.
    """

    warm_up: int = 3
    rounds: int = 30
    requests: int = 50


SMALL = Size(warm_up=0, rounds=2, requests=5)
_TIMING = re.compile(r"(\w+);dur=([\d.]+)")


def main() -> int:
    """Run the benchmark; print a table, then the figures as JSON. Return the exit code."""
    asked = arguments.read(__doc__, stage=True)
    size = SMALL if asked.small else Size()
    with contextlib.ExitStack() as stack:
        if asked.stage:
            models, app = STANDING, laptop.APP
        else:
            models = {mode: name for mode, (name, _) in MODELS.items()}
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="relearn-bench-"))
            app = with_models(Path(folder, "app"), copies())
        about, signer = stack.enter_context(laptop.stage(list(models.values()), asked.stage, app))
        connection = http.client.HTTPConnection(urlsplit(about["api_url"]).netloc, timeout=60)
        blocks = measured(
            {mode: _asking(connection, about["api_url"], signer, name) for mode, name in models.items()}, size
        )
    medians = {
        mode: [statistics.median(one["seen"] for one in block) for block in found]
        for mode, found in blocks.items()
    }
    ratios = {mode: ratio(medians, mode) for mode in blocks}
    for mode, found in blocks.items():
        answers = [one for block in found for one in block]
        low = statistics.median(one["seen"] for one in answers)
        high = statistics.quantiles([one["seen"] for one in answers], n=100)[98]
        print(
            f"{mode:<10} p50 {low:>6.2f} ms  p99 {high:>7.2f} ms  of that the model {_median(answers, 'model'):>6.2f} ms"
            f"  ratio {ratios[mode]:.3f}"
        )
    print()
    told = costs.show(usage(blocks))
    latency = {mode: round(statistics.median(found), 2) for mode, found in medians.items()}
    print(json.dumps({"latency": latency, "ratio": ratios, "usd_a_month": told}))
    return 0


def measured(
    asked: dict[str, Callable[[], dict[str, float]]], size: Size
) -> dict[str, list[list[dict[str, float]]]]:
    """Measure blocks of requests, mode by mode, round by round, without the warm-up rounds; in milliseconds."""
    blocks: dict[str, list[list[dict[str, float]]]] = {mode: [] for mode in asked}
    for number in range(size.warm_up + size.rounds):
        for mode, ask in asked.items():
            block = [ask() for _ in range(size.requests)]
            if number >= size.warm_up:
                blocks[mode].append(block)
    return blocks


def ratio(medians: dict[str, list[float]], mode: str) -> float:
    """Return the median, over the rounds, of a mode's median latency divided by that of Serverless."""
    pairs = zip(medians[mode], medians["Serverless"], strict=True)
    return round(statistics.median(one / other for one, other in pairs), 3)


def usage(blocks: dict[str, list[list[dict[str, float]]]]) -> costs.Usage:
    """Return the measured usage of a request, in the host function and on the path to an endpoint."""
    answers = {mode: [one for block in found for one in block] for mode, found in blocks.items()}
    model, away = (_median(answers[mode], "model") for mode in ("InLambda", "Serverless"))
    return costs.Usage(
        title="as measured",
        model_ms=model,
        own_ms=_median(answers["InLambda"], "total") - model,
        hop_ms=max(away - model, 0),
    )


def copies() -> dict[str, tuple[str, dict[str, str]]]:
    """Return the changes of each copy of iris: its hosting, and no canary."""
    return {
        name: ("iris", {"    Serverless,\n": f"    {hosting.partition('(')[0]},\n", SERVERLESS: hosting})
        for name, hosting in MODELS.values()
    }


def _asking(
    connection: http.client.HTTPConnection, url: str, signer: SigV4Auth, model: str
) -> Callable[[], dict[str, float]]:
    path, body = laptop.path_of(model), laptop.one_row(url, signer, model)
    headers = laptop.signed(signer, url, body, model)

    def ask() -> dict[str, float]:
        """Send a request; return its duration here, and those of the Server-Timing header, in milliseconds."""
        began = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        seen = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise SystemExit(f"{path} answers {answer.status}")
        told = _TIMING.findall(answer.getheader("server-timing", ""))
        return {"seen": seen, **{name: float(value) for name, value in told}}

    return ask


def _median(answers: list[dict[str, Any]], what: str) -> float:
    return float(statistics.median(one[what] for one in answers))


if __name__ == "__main__":
    sys.exit(main())
