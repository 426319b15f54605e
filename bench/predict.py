"""What the predict function costs, against the same function on Powertools, pydantic and boto3, in one run.

- The handler's own time for a one-row and a hundred-row request: the network is taken out on both sides where bytes would
  leave the process, so signing, (de)serialising and checking are in. CPU time, in short interleaved rounds.
- Cold import: fresh processes, bytecode present, until the function could take its first request.
- HTTP end to end on the laptop cloud at 1, 8 and 64 connections.

The last line is one JSON object: ``handler_vs_powertools``, ``import_vs_powertools`` (ours / theirs; the aim is a third at most),
``http`` (requests per second by connections).
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "build" / "cdk.local"
IMPORTS, CONNECTIONS = 15, (1, 8, 64)
REQUESTS = 600  # at each number of connections
AIM = 1 / 3
MODEL = "iris"
PATH = f"/v1/models/{MODEL}/predict"


def main() -> int:
    """Measure and print."""
    handlers = run("handlers")
    imports: dict[str, list[float]] = {"ours": [], "theirs": []}
    for name in imports:
        run("import", name)  # writes the bytecode
    for _ in range(IMPORTS):
        for name, times in imports.items():
            times.append(run("import", name)["ms"])
    result = {"handler_vs_powertools": show("handler, 1 row: CPU ms a request", handlers["1"])}
    show("handler, 100 rows: CPU ms a request", handlers["100"], aim=None)
    result["import_vs_powertools"] = show("cold import, ms", imports)
    with laptop_cloud() as (url, signer):
        end_to_end(
            url, signer, max(CONNECTIONS), quiet=True
        )  # the laptop cloud starts its function's workers
        rates = {str(connections): end_to_end(url, signer, connections) for connections in CONNECTIONS}
    print(json.dumps({**result, "http": rates}))
    return 0


def run(*command: str) -> Any:
    """Measure in a process of its own."""
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
    """Print one row; gives ours / theirs, the median over the rounds."""
    ratio = statistics.median(one / other for one, other in zip(times["ours"], times["theirs"], strict=True))
    ours, theirs = (statistics.median(times[name]) for name in ("ours", "theirs"))
    verdict = "" if aim is None else f" (aim {aim:.3f}{'' if ratio <= aim else ', missed'})"
    print(f"{title:<38} ours {ours:>8.3f}  powertools {theirs:>8.3f}  ratio {ratio:.3f}{verdict}")
    return round(ratio, 3)


def end_to_end(url: str, signer: SigV4Auth, connections: int, *, quiet: bool = False) -> float:
    """Ask over so many kept-alive connections; print rate and latencies, and give the requests per second.

    They are signed once, before the clocks start: what is measured is the API, not a signer here.
    """
    body = json.dumps({"instances": [json.loads(sample_text())["instances"][0]]})
    host = urlsplit(url).netloc
    latencies: list[float] = []
    refused: list[float] = []

    headers = signed(signer, url, body)

    def client(requests: int) -> None:
        connection = http.client.HTTPConnection(host, timeout=60)
        for _ in range(requests):
            began = time.perf_counter()
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            answer.read()
            (latencies if answer.status == 200 else refused).append(time.perf_counter() - began)
        connection.close()

    threads = [threading.Thread(target=client, args=(REQUESTS // connections,)) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(latencies) / (time.perf_counter() - began)
    low, high = statistics.median(latencies), statistics.quantiles(latencies, n=100)[98]
    if not quiet:
        print(
            f"HTTP on the laptop cloud, {connections:>2} connections: {rate:>6.0f} answers/s, "
            f"p50 {low * 1000:.1f} ms, p99 {high * 1000:.1f} ms, {len(refused)} of {REQUESTS} not answered 200"
        )
    return round(rate, 1)


def sample_text() -> str:
    """Give the sample request of iris."""
    return (ROOT / "training/models/iris/sample.json").read_text(encoding="utf-8")


@contextlib.contextmanager
def laptop_cloud() -> Iterator[tuple[str, SigV4Auth]]:
    """Run the laptop cloud until the block ends; gives the API's URL, and who signs for it, once iris serves."""
    with laptop_stage() as (about, signer):
        yield about["api_url"], signer


@contextlib.contextmanager
def laptop_stage(
    app: Path = APP, models: Sequence[str] = (MODEL,)
) -> Iterator[tuple[dict[str, Any], SigV4Auth]]:
    """Run the laptop cloud until the block ends; gives what it says of itself, and who signs, once all models serve."""
    if not (app / "manifest.json").exists():
        raise SystemExit(f"{app} is missing; `make run` or `make test` synthesises it")
    with tempfile.TemporaryDirectory(prefix="relearn-bench-") as folder:
        info = Path(folder, "info.json")
        command = [sys.executable, "-m", "local", "--app", str(app), "--no-story", "--info", str(info)]
        cloud = subprocess.Popen(
            [*command, "--port", "0", "--api-port", "0"], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        try:
            wait_for(info.exists, cloud)
            about = json.loads(info.read_text())
            keys = Credentials(about["access_key_id"], about["secret_access_key"])
            signer = SigV4Auth(keys, "execute-api", about["region"])
            for model in models:
                wait_for(functools.partial(answers, about["api_url"], signer, model), cloud)
            yield about, signer
        finally:
            cloud.send_signal(signal.SIGINT)
            cloud.wait(timeout=60)


def path_of(model: str) -> str:
    """Give the path of a model's predictions."""
    return f"/v1/models/{model}/predict"


def signed(signer: SigV4Auth, url: str, body: str, model: str = MODEL) -> dict[str, str]:
    """Give the headers of a prediction."""
    request = AWSRequest("POST", url + path_of(model), {"content-type": "application/json"}, body)
    signer.add_auth(request)
    return dict(request.headers)


def answers(url: str, signer: SigV4Auth, model: str) -> bool:
    """Tell whether a model serves."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    body = sample_text()
    connection.request("POST", path_of(model), body, signed(signer, url, body, model))
    try:
        return connection.getresponse().status == 200
    finally:
        connection.close()


def wait_for(seen: Any, cloud: subprocess.Popen[bytes]) -> None:
    """Look until there is something to see."""
    end = time.monotonic() + 240
    while not seen():
        if cloud.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the laptop cloud did not come up: exit code {cloud.poll()}")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
