"""What a kept cloud knows is on disk before anybody is told of it, so that it may be killed at any moment."""

from __future__ import annotations

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose
import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import persistence
from ministack.services import lambda_svc

from local import kept

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TABLES = "dynamodb"
_READS = ("Get", "BatchGet", "TransactGet", "Query", "Scan", "Describe", "List")
MOTION = ("sqs", "stepfunctions")
"""Services whose state moves by itself: messages and executions."""
_EVERY_SECONDS = 2.0
_OK = 300


class Durable:
    """Writes MiniStack's state while it runs.

    MiniStack writes objects at once and everything else when it is stopped, so of a killed one nothing else is left.

    Parameters
    ----------
    generations : Path
        The folder of the generations (see ``local.kept``).
    """

    def __init__(self, generations: Path) -> None:
        self._generations = generations
        self._changes, self._saved = 0, 0
        self._written: dict[str, str] = {}
        self._deployed: set[str] | None = None
        self._code: set[str] = set()
        self._forget_code = lambda_svc._prune_orphan_code_blobs
        # MiniStack forgets code as soon as it takes its state: the generation that counts until then still needs it.
        lambda_svc._prune_orphan_code_blobs = self._code.update

    def answer_after_writing_tables(self) -> None:
        """Answer what changes a table of DynamoDB once it is on disk; requests that come together share one write."""
        handle = app.SERVICE_HANDLERS[_TABLES]

        async def durable(method: str, path: str, headers: Mapping[str, str], body: bytes, query: Any) -> Any:
            answer = await handle(method, path, headers, body, query)
            action = headers.get("x-amz-target", "").rpartition(".")[2]
            if answer[0] < _OK and not action.startswith(_READS):
                self._changes += 1
                change = self._changes
                await asyncio.sleep(0)
                if self._saved < change:
                    covers = self._changes
                    self._write(_TABLES)
                    self._saved = covers
            return answer

        app.SERVICE_HANDLERS[_TABLES] = durable

    def begin_deployment(self) -> None:
        """Write nothing that a deployment makes until it is done: of one that dies the stacks know nothing.

        What was there before stays as durable as ever; of a first deployment there is nothing to go on with anyway.
        """
        self._deployed = kept.tables(self._generations)

    def write_moved(self) -> None:
        """Write messages and executions, where they moved; not while a deployment may be making queues and machines."""
        if self._deployed is not None:
            return
        for service in MOTION:
            with contextlib.suppress(RuntimeError):  # a thread of MiniStack's changed it: the next time
                self._write(service)

    async def write_motion(self) -> None:
        """Write messages and executions again and again, where they moved; what is lost of them the sweep repairs."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            self.write_moved()

    async def write_everything(self) -> None:
        """Write every service's state as one generation: those that a deployment changes must fit together."""
        self._code.clear()
        states = {
            service: await _steady(state) for service, state in app._build_persistence_save_dict().items()
        }
        files = {service: _text(service, state) for service, state in states.items() if state is not None}
        kept.publish(self._generations, files)
        self._deployed = None
        self._forget_code(self._code)

    def _write(self, service: str) -> None:
        state = app._build_persistence_save_dict().get(service)
        if state is None or (found := state()) is None:
            return
        text = _text(service, found)
        if service == _TABLES and self._deployed is not None:
            text = kept.without_tables(text, self._deployed)
        if self._written.get(service) != text:
            kept.rewrite(self._generations, service, text)
            self._written[service] = text


async def _steady(state: Any) -> Any:
    """Take a state; its service's own threads may change it meanwhile, and then it is taken again."""
    for _ in range(20):
        try:
            return state()
        except RuntimeError:
            await asyncio.sleep(0.01)
    return state()


def _text(service: str, state: Any) -> str:
    """Write a state as MiniStack reads it."""
    wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": state}
    return json.dumps(wrapped, default=persistence._json_default)
