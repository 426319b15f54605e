"""The three hosting modes, end to end over HTTP on the laptop cloud, in one run; and what each would cost a month.

The same model three times in one stage, one copy a mode, each warm. The modes are asked in turn, over one kept-alive
connection, a block of requests at a time, so that a slow moment of the machine meets all of them. On the laptop
an endpoint is a process on the same machine whichever its mode: what differs is the way there. In AWS there is a network
in between, and a function and a serverless endpoint that were idle start cold.

The costs are computed with the durations that were measured here. The last line is one JSON object: ``latency`` (p50 in
ms by mode), ``ratio`` (the medians' ratios to Serverless) and ``usd_a_month`` (by requests a month, and mode).
"""

from __future__ import annotations

import http.client
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import costs
from bench.apps import with_models
from bench.predict import laptop_stage, path_of, sample_text, signed

WARM_UP, ROUNDS, REQUESTS = 3, 30, 50  # requests a block: short ones, for a machine may be slow for a while
SERVERLESS = "Serverless(memory_mb=2048, max_concurrency=10)"
MODELS = {
    "Serverless": ("irisone", SERVERLESS),
    "Realtime": ("iristwo", 'Realtime(instance="ml.m5.large", minimum=1, maximum=2)'),
    "InLambda": ("iristhree", "InLambda()"),
}
"""Mode to its model's name and hosting."""
_TIMING = re.compile(r"(\w+);dur=([\d.]+)")


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="relearn-bench-") as folder:
        app = with_models(Path(folder, "app"), {name: _copy(hosting) for name, hosting in MODELS.values()})
        with laptop_stage(app, [name for name, _ in MODELS.values()]) as (about, signer):
            host = urlsplit(about["api_url"]).netloc
            connection = http.client.HTTPConnection(host, timeout=60)
            body = json.dumps({"instances": json.loads(sample_text())["instances"][:1]})
            asked = {
                mode: _asking(connection, path_of(name), body, signed(signer, about["api_url"], body, name))
                for mode, (name, _) in MODELS.items()
            }
            blocks = measured(asked)
    medians = {
        mode: [statistics.median(one["seen"] for one in block) for block in found]
        for mode, found in blocks.items()
    }
    ratios = {mode: ratio(medians, mode) for mode in MODELS}
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


def measured(asked: dict[str, Callable[[], dict[str, float]]]) -> dict[str, list[list[dict[str, float]]]]:
    """Ask in blocks, mode by mode, round by round; the first rounds only warm up."""
    blocks: dict[str, list[list[dict[str, float]]]] = {mode: [] for mode in asked}
    for number in range(WARM_UP + ROUNDS):
        for mode, ask in asked.items():
            block = [ask() for _ in range(REQUESTS)]
            if number >= WARM_UP:
                blocks[mode].append(block)
    return blocks


def ratio(medians: dict[str, list[float]], mode: str) -> float:
    """Give the median over the rounds of a mode's median latency to that of Serverless."""
    pairs = zip(medians[mode], medians["Serverless"], strict=True)
    return round(statistics.median(one / other for one, other in pairs), 3)


def usage(blocks: dict[str, list[list[dict[str, float]]]]) -> costs.Usage:
    """Say what a request used here: in the function that holds the model, and on the way to an endpoint."""
    answers = {mode: [one for block in found for one in block] for mode, found in blocks.items()}
    model, away = (_median(answers[mode], "model") for mode in ("InLambda", "Serverless"))
    return costs.Usage(
        title="as measured",
        model_ms=model,
        own_ms=_median(answers["InLambda"], "total") - model,
        hop_ms=max(away - model, 0),
    )


def _copy(hosting: str) -> tuple[str, dict[str, str]]:
    """Say how a copy of iris differs: how it is hosted, and that it is not tried on a few first."""
    kind = hosting.partition("(")[0]
    return "iris", {"    Serverless,\n": f"    {kind},\n", SERVERLESS: hosting}


def _asking(
    connection: http.client.HTTPConnection, path: str, body: str, headers: dict[str, str]
) -> Callable[[], dict[str, float]]:
    def ask() -> dict[str, float]:
        """Ask once; give the milliseconds that it took here, and those that the answer tells of."""
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
