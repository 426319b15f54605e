"""The client for ordinary code."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self

import httpx

from relearn_client import calls, wire
from relearn_client.base import Base
from relearn_client.calls import Call, Instance, T
from relearn_client.exchange import Outcome, Send
from relearn_client.history import Run, RunPage, Version
from relearn_client.shapes import Model, ModelBrief, Predictions


class Client(Base[httpx.Client]):
    """Calls the API over kept connections. Threads may share one.

    It is made of what `base.Base` takes. The deadline bounds every single wait, so a server that sends its answer in
    drops can hold a call longer by one wait.
    """

    def _open(self) -> httpx.Client:
        return httpx.Client()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._owns_http:
            self._http.close()

    def predict(
        self,
        model: str,
        instances: Sequence[Instance],
        *,
        idempotency_key: str | None = None,
        repeatable: bool = True,
    ) -> Predictions:
        """Ask for predictions.

        Parameters
        ----------
        model
            Name.
        instances
            Column → value, one mapping for each prediction.
        idempotency_key
            Names this call, so that the server counts it once however often it arrives; None makes one.
        repeatable
            False sends no key and asks only once: for an answer that is too large for the server to keep.

        Raises
        ------
        RelearnClientError
            See `relearn_client.errors`.
        """
        return self._carry_out(calls.predict(model, instances, idempotency_key, repeatable=repeatable))

    def models(self) -> list[ModelBrief]:
        """List the models."""
        return self._carry_out(calls.models())

    def model(self, name: str) -> Model:
        """Describe one model."""
        return self._carry_out(calls.model(name))

    def versions(self, model: str) -> list[Version]:
        """List a model's versions, the newest first."""
        return self._carry_out(calls.versions(model))

    def runs(self, model: str, *, limit: int | None = None, after: str | None = None) -> RunPage:
        """List a model's runs, the newest first, one page.

        Parameters
        ----------
        model
            Name.
        limit
            How many at most; None leaves it to the server.
        after
            Where the page begins: ``next`` of the page before; None begins with the newest.
        """
        return self._carry_out(calls.runs(model, limit, after))

    def run(self, model: str, run_id: str) -> Run:
        """Describe one run."""
        return self._carry_out(calls.run(model, run_id))

    def _carry_out(self, call: Call[T]) -> T:
        steps = self._begin(call)
        send = next(steps)
        while True:
            outcome = self._send(call, send)
            try:
                send = steps.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result

    def _send(self, call: Call[T], send: Send) -> Outcome:
        if send.after:
            time.sleep(send.after)
        ends = time.monotonic() + send.within
        try:
            response = self._http.send(wire.request(self._url, call, send), auth=self._auth, stream=True)
            with closing(response):
                return wire.answer(response, b"".join(_until(ends, response.iter_bytes())))
        except (httpx.HTTPError, TimeoutError) as error:
            return wire.no_answer(self._url, send.within, error)


def _until(ends: float, parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part
        if time.monotonic() >= ends:
            raise TimeoutError
