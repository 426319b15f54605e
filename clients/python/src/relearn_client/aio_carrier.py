"""The client for asyncio, without the calls it offers: what `carrier.Carrier` does, awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
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


class AsyncCarrier(Base[httpx.AsyncClient]):
    """Sends, waits, and closes its connections in the end."""

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._owns_http:
            await self._http.aclose()

    async def _carry_out(self, call: Call[T]) -> T:
        steps = self._begin(call)
        send = next(steps)
        while True:
            outcome = await self._send(call, send)
            try:
                send = steps.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result

    async def _send(self, call: Call[T], send: Send) -> Outcome:
        await asyncio.sleep(send.after)
        try:
            async with asyncio.timeout(send.within):
                request = wire.request(self._url, call, send)
                response = await self._http.send(request, auth=self._auth)
                return wire.answer(response, response.content)
        except (httpx.HTTPError, TimeoutError) as error:
            return wire.no_answer(self._url, send.within, error)

    async def _post(self, form: Form, file: File) -> None:
        with storage.form_request(form, file) as request:
            try:
                response = await self._http.send(request, auth=None, follow_redirects=True)
            except httpx.HTTPError as error:
                raise wire.no_answer(form.url, storage.TIMEOUT_SECONDS, error) from error
        storage.check(response)

    async def _fetch(self, request: httpx.Request) -> AsyncIterator[BatchLine]:
        lines = storage.Lines()
        try:
            async with aclosing(await self._http.send(request, auth=None, stream=True)) as response:
                if not response.is_success:
                    await response.aread()
                storage.check(response)
                async for part in response.aiter_bytes():
                    for prediction in lines.take(part):
                        yield prediction
                for prediction in lines.end():
                    yield prediction
        except httpx.HTTPError as error:
            raise wire.no_answer(storage.host(request), storage.TIMEOUT_SECONDS, error) from error

    async def _wait(
        self, what: str, look: Callable[[], Awaitable[W]], over: Callable[[W], bool], patience: Patience
    ) -> W:
        for pause in patience.pauses(time.monotonic):
            if over(seen := await look()):
                return seen
            await asyncio.sleep(pause)
        raise waiting.gave_up(what, seen, patience)
