"""Processes that `bench.predict` measures in: ``handlers ROUNDS``, ``import ours`` or ``import theirs``.

No bytes of either function leave the process: Relearn's end at its connections, the rival's at botocore's
``before-send``. Both get the same answers. Run ``handlers`` first: it writes the catalog that Relearn's
function reads.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "build" / "bench"
REQUESTS = 200  # requests per round; a tenth of that for large requests
ENVIRONMENT = {
    "STAGE": "bench",
    "LEDGER_TABLE": "ledger",
    "ONLINE_TABLE": "online",
    "LAKE_BUCKET": "lake",
    "RECORDS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/records",
    "TRIALS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/trials",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token" * 100,
}
PREDICTION = {
    "label": "setosa",
    "probabilities": {"setosa": 0.9731, "versicolor": 0.0268, "virginica": 1e-07},
}
Handler = Callable[[Any, Any], Any]


class Context:
    """Lambda context of an invocation."""

    function_name = "predict"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:predict"
    aws_request_id = "8f5c0b8e-0d52-4b2f-8c1e-0c5f6d1a2b3c"

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining time in milliseconds."""
        return 29_000


def main() -> None:
    """Run the measurement that the command line names, and print it as JSON."""
    os.environ.update(ENVIRONMENT)
    if sys.argv[1] == "handlers":
        result: Any = handlers(int(sys.argv[2]))
    else:
        began = time.perf_counter()
        (ours if sys.argv[2] == "ours" else theirs)()
        result = {"ms": (time.perf_counter() - began) * 1000}
    sys.__stdout__.write(json.dumps(result) + "\n")  # type: ignore[union-attr]  # it is there in a script


def handlers(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Measure both handlers in turn; return CPU milliseconds per request of every round, by rows and name."""
    with Path(os.devnull).open("w") as nowhere:
        sys.stdout = nowhere  # discards log lines and metrics
        write_catalog()
        both = {"ours": ours(answer), "theirs": theirs(answer)}
        return {
            str(rows): {name: list(times) for name, times in measured(both, rows, rounds).items()}
            for rows in (1, 100)
        }


def measured(both: dict[str, Handler], rows: int, rounds: int) -> dict[str, list[float]]:
    """Return CPU milliseconds per request of every round, by name, for requests with ``rows`` rows."""
    requests = REQUESTS if rows == 1 else REQUESTS // 10
    asked, context = event(rows), Context()
    times: dict[str, list[float]] = {name: [] for name in both}
    for number in range(rounds + 1):
        for name, handler in both.items():
            began = time.process_time()
            for _ in range(requests):
                if handler(asked, context)["statusCode"] != 200:
                    raise SystemExit(f"{name}: {handler(asked, context)}")
            if number:  # the first round warms up
                times[name].append((time.process_time() - began) * 1000 / requests)
    return times


def ours(stub: Callable[[str, bytes], bytes] | None = None) -> Handler:
    """Import Relearn's function, ready for its first request; ``stub`` answers in place of the network."""
    from lambdas.handlers import predict  # noqa: PLC0415 - this import is what is measured
    from lambdas.runtime import catalog  # noqa: PLC0415

    catalog.load.__wrapped__.__defaults__ = (DATA,)
    if stub is not None:
        from lambdas.aws.fast.connections import Connections, Reply  # noqa: PLC0415

        def send(
            there: Connections, _method: str, path: str, _headers: Any, body: bytes, _seconds: float
        ) -> Reply:
            return Reply(200, {}, stub(there.host + path, body))

        Connections.send = send  # type: ignore[assignment, method-assign]  # every byte that leaves ours leaves through here
    predict.predictor()
    return predict.handler


def theirs(stub: Callable[[str, bytes], bytes] | None = None) -> Handler:
    """Import the rival, ready for its first request; ``stub`` answers in place of the network."""
    from bench import rivals_predict  # noqa: PLC0415 - this import is what is measured

    if stub is not None:
        from botocore.awsrequest import AWSResponse  # noqa: PLC0415

        def send(request: Any, **_: Any) -> Any:
            content = stub(request.url, request.body)
            headers: Any = {"content-type": "application/json"}
            return AWSResponse(request.url, 200, headers, Raw(content))

        for client in (rivals_predict.runtime, rivals_predict.dynamodb):
            client.meta.events.register_first("before-send", send)
    handler: Handler = rivals_predict.handler
    return handler


class Raw:
    """Response body with the interface of urllib3."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self.read()

    def read(self, *_: Any, **__: Any) -> bytes:
        """Return the whole body once, then nothing."""
        content, self._content = self._content, b""
        return content


def answer(url: str, body: bytes) -> bytes:
    """Return the answer of SageMaker's runtime, DynamoDB or SQS."""
    if "/endpoints/" in url:
        rows = body.count(b"sepal_length")
        return json.dumps({"model": "iris", "version": 3, "predictions": [PREDICTION] * rows}).encode()
    if "sqs." in url:
        return b'{"MessageId":"8f5c0b8e-0d52-4b2f-8c1e-0c5f6d1a2b3c"}'
    if b"VERSION#" in body:
        return b'{"Item":{"model":{"S":"iris"},"version":{"N":"3"},"state":{"S":"LIVE"}}}'
    return b'{"Item":{"champion":{"N":"3"},"previous":{"N":"2"},"revision":{"N":"3"}}}'


def event(rows: int) -> dict[str, Any]:
    """Return the HTTP API's event of a request with ``rows`` rows."""
    made: dict[str, Any] = json.loads((ROOT / "tests/events/http_predict.json").read_text(encoding="utf-8"))
    path = "/v1/models/iris/predict"
    made["requestContext"]["http"]["path"] = path
    sample = json.loads((ROOT / "training/models/iris/sample.json").read_text(encoding="utf-8"))
    body = json.dumps({"instances": (sample["instances"] * rows)[:rows]})
    return {**made, "rawPath": path, "pathParameters": {"model": "iris"}, "body": body}


def write_catalog() -> None:
    """Write the catalog that the CDK app bundles with the function; the import measurements read it."""
    from relearn.spec import codec  # noqa: PLC0415
    from training import catalog  # noqa: PLC0415

    models = {
        name: {"spec": codec.to_dict(spec), "sample": catalog.sample(name)}
        for name, spec in catalog.load().items()
    }
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / "catalog.json").write_text(codec.canonical_json({"models": models}), encoding="utf-8")


if __name__ == "__main__":
    main()
