"""The client for asyncio: what `client.Client` does, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from relearn_client import calls, wire
from relearn_client.base import Base
from relearn_client.calls import Call, Instance, T
from relearn_client.exchange import Outcome, Send
from relearn_client.history import Run, RunPage, Version
from relearn_client.shapes import Model, ModelBrief, Predictions


class AsyncClient(Base[httpx.AsyncClient]):
    """Calls the API over kept connections. Tasks of one event loop may share one.

    It is made of what `base.Base` takes.
    """

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

    async def predict(
        self,
        model: str,
        instances: Sequence[Instance],
        *,
        idempotency_key: str | None = None,
        repeatable: bool = True,
    ) -> Predictions:
        """Ask for predictions, as `Client.predict` does."""
        return await self._carry_out(calls.predict(model, instances, idempotency_key, repeatable=repeatable))

    async def models(self) -> list[ModelBrief]:
        """List the models."""
        return await self._carry_out(calls.models())

    async def model(self, name: str) -> Model:
        """Describe one model."""
        return await self._carry_out(calls.model(name))

    async def versions(self, model: str) -> list[Version]:
        """List a model's versions, the newest first."""
        return await self._carry_out(calls.versions(model))

    async def runs(self, model: str, *, limit: int | None = None, after: str | None = None) -> RunPage:
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
        return await self._carry_out(calls.runs(model, limit, after))

    async def run(self, model: str, run_id: str) -> Run:
        """Describe one run."""
        return await self._carry_out(calls.run(model, run_id))

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
