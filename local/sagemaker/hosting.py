"""The host of an endpoint: one container's ``serve`` command, restarted when it dies or was idle."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from local.sagemaker.serving import POLL_SECONDS, Connection, Server, ServingError
from local.sagemaker.state import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.sagemaker.context import Context

_FIRST_STARTS = 2
_RESTART_PAUSE_SECONDS = 0.5


class Host:
    """The running variant of an endpoint.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    endpoint : str
        The endpoint's name.
    model : dict
        Record of the model: container, execution role, network isolation.
    variant : dict
        The production variant, serverless or on instances.
    """

    def __init__(self, context: Context, endpoint: str, model: Record, variant: Record) -> None:
        self._endpoint = endpoint
        self.variant = variant["VariantName"]
        self._server = Server(
            context,
            model,
            root=context.folder("endpoints", endpoint),
            group=f"/aws/sagemaker/Endpoints/{endpoint}",
            stream=f"{self.variant}/",
            more={},
        )
        self.image = self._server.image
        self.serverless: Record | None = variant.get("ServerlessConfig")
        concurrency = self.serverless["MaxConcurrency"] if self.serverless else 1000
        self.slots = threading.BoundedSemaphore(concurrency)
        self._cold = context.settings.cold_starts if self.serverless else None
        self._code: Path | None = None
        self._starting = threading.Lock()
        self._under_way, self._asked = 0, float("-inf")

    def connect(self, timeout: float) -> Connection:
        """Return a connection to the running container; `timeout` is in seconds."""
        return self._server.connect(timeout)

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Hold a serverless endpoint up during a request, which waits for its container where it scaled to zero.

        Only with the setting ``cold_starts``; else the container stays. A new endpoint has scaled to zero.
        """
        if self._cold is None:
            yield
            return
        with self._starting:
            if not self._under_way and time.monotonic() - self._asked >= self._cold.idle_seconds:
                self._start_cold(self._cold.endpoint_seconds)
            self._under_way += 1
        try:
            yield
        finally:
            with self._starting:
                self._under_way -= 1
                self._asked = time.monotonic()

    def start(self) -> None:
        """Pull the image, download the model and start the container; return when its ping succeeds.

        Raises
        ------
        ServingError
            When any of it fails; the message is SageMaker's FailureReason.
        """
        try:
            code = self._code = self._server.prepare()
            self._first_run(code)
        except BaseException:
            self.close()
            raise
        threading.Thread(
            target=self._watch, args=(code,), daemon=True, name=f"watch-{self._endpoint}"
        ).start()

    def close(self) -> None:
        """Stop the container and delete its files."""
        self._server.close()

    def _first_run(self, code: Path) -> None:
        if not any(self._server.run(code) for _ in range(_FIRST_STARTS)):
            raise ServingError(
                f"The primary container for production variant {self.variant} did not pass the ping health check. "
                "Please check CloudWatch logs for this endpoint."
            )

    def _start_cold(self, seconds: float) -> None:
        """Start the container anew, and take some seconds more."""
        if self._code is not None:
            self._server.halt()
            self._server.closed.wait(seconds)
            self._server.run(self._code)

    def _watch(self, code: Path) -> None:
        """Restart the container whenever it dies, as SageMaker replaces instances."""
        closed = self._server.closed
        while not closed.is_set():
            if self._server.alive():
                closed.wait(POLL_SECONDS)
            else:
                closed.wait(_RESTART_PAUSE_SECONDS)
                with self._starting:
                    if not closed.is_set() and not self._server.alive():
                        self._server.run(code)
