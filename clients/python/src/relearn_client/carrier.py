"""The client for ordinary code, without the calls it offers: how one is carried out, and how files travel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from types import TracebackType
from typing import Self

import httpx

from relearn_client import storage, waiting, wire
from relearn_client.base import Base
from relearn_client.calls import Call, T
from relearn_client.exchange import Outcome, Send
from relearn_client.forms import Form
from relearn_client.shapes import BatchLine
from relearn_client.storage import File
from relearn_client.waiting import Patience, W


class Carrier(Base[httpx.Client]):
    """Sends, waits, and closes its connections in the end."""

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

    def _post(self, form: Form, file: File) -> None:
        with storage.form_request(form, file) as request:
            try:
                response = self._http.send(request, auth=None, follow_redirects=True)
            except httpx.HTTPError as error:
                raise wire.no_answer(form.url, storage.TIMEOUT_SECONDS, error) from error
        storage.check(response)

    def _fetch(self, request: httpx.Request) -> Iterator[BatchLine]:
        lines = storage.Lines()
        try:
            with closing(self._http.send(request, auth=None, stream=True)) as response:
                if not response.is_success:
                    response.read()
                storage.check(response)
                for part in response.iter_bytes():
                    yield from lines.take(part)
                yield from lines.end()
        except httpx.HTTPError as error:
            raise wire.no_answer(storage.host(request), storage.TIMEOUT_SECONDS, error) from error

    def _wait(self, what: str, look: Callable[[], W], over: Callable[[W], bool], patience: Patience) -> W:
        for pause in patience.pauses(time.monotonic):
            if over(seen := look()):
                return seen
            time.sleep(pause)
        raise waiting.gave_up(what, seen, patience)


def _until(ends: float, parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part
        if time.monotonic() >= ends:
            raise TimeoutError
