"""AWS calls of functions without an SDK, over connections within this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from lambdas.aws.fast.connections import Reply, UnreachableError
from tests.chaos.faults import Faults
from tests.chaos.history import History
from tests.support.wire import Answer, LocalAWS

OK = 200
BUSY = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
FAILED = b'{"Message": "Received server error (500)", "OriginalStatusCode": 500}'


class Wires:
    """Connects functions to the fakes of AWS.

    Parameters
    ----------
    aws
        The fake.
    faults
        Faults to apply.
    history
        Record of endpoints that answered the smoke test.
    worker
        Returns the name of the running function.
    """

    def __init__(self, aws: LocalAWS, faults: Faults, history: History, worker: Callable[[], str]) -> None:
        self._aws = aws
        self._faults = faults
        self._history = history
        self._worker = worker
        self.struck: list[str] = []
        """Serving faults that struck since it was cleared."""

    def connect(self, url: str) -> Connection:
        """Return a connection, as `lambdas.aws.fast.connections.Connections` does."""
        return Connection(urlsplit(url).netloc, self.send)

    def send(self, host: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        answer = self._wrong(host, headers) or self._aws(path, dict(headers), body)
        if answer is None:
            raise UnreachableError(f"{host}: no answer")
        if self._worker() == "smoke" and answer[0] == OK:
            self._history.smoked.append((self._history.clock.now, path.split("/")[2]))
        return Reply(*answer)

    def _wrong(self, host: str, headers: Mapping[str, str]) -> Answer | None:
        asks = host.startswith("runtime.sagemaker")
        if asks and self._worker() == "smoke" and self._faults.strikes("smoke_failed"):
            return 424, {"x-amzn-errortype": "ModelError"}, FAILED
        if self._worker() != "predict":
            return None
        if asks and self._strikes("model_error"):
            return 424, {"x-amzn-errortype": "ModelError"}, FAILED
        if asks and self._strikes("model_timeout"):
            raise TimeoutError(f"{host} did not answer in time")
        if asks and self._strikes("model_throttled"):
            return 400, {"x-amzn-errortype": "ThrottlingException"}, BUSY
        if asks and self._strikes("model_wrong_answer"):
            return 200, {}, b'{"predictions": [{"label": "a cactus"}]}'
        if headers.get("x-amz-target", "").startswith("DynamoDB") and self._strikes("ledger_unreachable"):
            raise UnreachableError(f"{host}: no route to host")
        if headers.get("x-amz-target", "").startswith("AmazonSQS") and self._strikes("record_not_sent"):
            raise UnreachableError(f"{host}: no route to host")
        return None

    def _strikes(self, name: str) -> bool:
        struck = self._faults.lasts(name, self._history.clock.now)
        if struck:
            self.struck.append(name)
        return struck


class Connection:
    """Stand-in for `lambdas.aws.fast.connections.Connections`."""

    def __init__(self, host: str, send: Callable[[str, str, Mapping[str, str], bytes], Reply]) -> None:
        self.host = host
        self._send = send

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Reply:
        del method, seconds
        return self._send(self.host, path, headers, body)
