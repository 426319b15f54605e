"""Start a laptop cloud to measure, or use a running one, and sign predictions for it."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "build" / "cdk.local"
PATIENCE_S = 240.0
"""Time limit for the cloud and its models to come up, in seconds."""


@contextlib.contextmanager
def stage(
    models: Sequence[str], running: Path | None = None, app: Path = APP
) -> Iterator[tuple[dict[str, Any], SigV4Auth]]:
    """Yield the description of a laptop cloud and a signer for its API, once all models serve.

    Parameters
    ----------
    models
        Models that must serve.
    running
        File that describes a running cloud, which keeps running; None: start one, and stop it at the end of
        the block.
    app
        Cloud assembly that is deployed into a started cloud.

    Raises
    ------
    SystemExit
        The cloud does not start, or a model does not serve within `PATIENCE_S`.
    """
    with contextlib.nullcontext(running) if running else _started(app) as info:
        about = json.loads(info.read_text(encoding="utf-8"))
        signer = SigV4Auth(
            Credentials(about["access_key_id"], about["secret_access_key"]), "execute-api", about["region"]
        )
        for model in models:
            _wait_for(functools.partial(_answers, about["api_url"], signer, model), f"{model} serves")
        yield about, signer


@contextlib.contextmanager
def _started(app: Path) -> Iterator[Path]:
    if not (app / "manifest.json").exists():
        raise SystemExit(f"{app} is missing; `make run` or `make test` synthesises it")
    with tempfile.TemporaryDirectory(prefix="relearn-bench-") as folder:
        info = Path(folder, "info.json")
        command = [sys.executable, "-m", "local", "--app", str(app), "--info", str(info)]
        cloud = subprocess.Popen(
            [*command, "--port", "0", "--api-port", "0"], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        try:
            _wait_for(lambda: info.exists() or cloud.poll() is not None, "the laptop cloud is up")
            if not info.exists():
                raise SystemExit(f"the laptop cloud did not come up: exit code {cloud.returncode}")
            yield info
        finally:
            cloud.send_signal(signal.SIGINT)
            cloud.wait(timeout=60)


def path_of(model: str) -> str:
    """Return the path of a model's predictions."""
    return f"/v1/models/{model}/predict"


def signed(signer: SigV4Auth, url: str, body: str, model: str) -> dict[str, str]:
    """Return the signed headers of a prediction."""
    request = AWSRequest("POST", url + path_of(model), {"content-type": "application/json"}, body)
    signer.add_auth(request)
    return dict(request.headers)


def one_row(url: str, signer: SigV4Auth, model: str) -> str:
    """Return the body of a request with the first row of the model's sample, which the API serves.

    Raises
    ------
    SystemExit
        The API does not return the model.
    """
    path = f"/v1/models/{model}"
    request = AWSRequest("GET", url + path)
    signer.add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", path, headers=dict(request.headers))
        answer = connection.getresponse()
        told = json.load(answer)
    finally:
        connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path} answers {answer.status}: {told}")
    return json.dumps({"instances": told["sample"]["instances"][:1]})


def _answers(url: str, signer: SigV4Auth, model: str) -> bool:
    """Return whether a model answers a prediction with 200."""
    body = one_row(url, signer, model)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("POST", path_of(model), body, signed(signer, url, body, model))
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _wait_for(seen: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; raise SystemExit after `PATIENCE_S`."""
    end = time.monotonic() + PATIENCE_S
    while not seen():
        if time.monotonic() > end:
            raise SystemExit(f"not seen within {PATIENCE_S:g} s: {what}")
        time.sleep(0.2)
