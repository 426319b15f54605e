"""Durability of a kept cloud: state is on disk before a request is answered, so a kill loses nothing."""

from __future__ import annotations

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose
import asyncio
import contextlib
import json
from types import FunctionType, ModuleType
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
"""Services whose state also changes between requests: messages and executions."""
_EVERY_SECONDS = 2.0
_OK = 300


class Durable:
    """Writes MiniStack's state to disk while it runs.

    MiniStack writes objects at once but everything else only at its stop, so a kill would lose it.

    Parameters
    ----------
    generations : Path
        The folder of the generations (``local.kept``).
    """

    def __init__(self, generations: Path) -> None:
        self._generations = generations
        self._changes, self._saved = 0, 0
        self._written: dict[str, str] = {}
        self._deployed: set[str] | None = None
        self._code: set[str] = set()
        self._forget_code = lambda_svc._prune_orphan_code_blobs
        # MiniStack deletes unused code when it reads its state, but the generation that is still current needs it.
        lambda_svc._prune_orphan_code_blobs = self._code.update

    def answer_after_writing_tables(self) -> None:
        """Answer a change of a DynamoDB table only after it is on disk.

        Concurrent requests share one write.
        """
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
        """Stop writing new resources until the deployment is complete, so that an interrupted one leaves no trace.

        Existing tables stay as durable as before. An interrupted first deployment leaves nothing to resume
        anyway.
        """
        self._deployed = kept.tables(self._generations)

    def write_moved(self) -> None:
        """Write changed messages and executions.

        Not during a deployment, which may be creating queues and machines.
        """
        if self._deployed is not None:
            return
        for service in MOTION:
            with contextlib.suppress(RuntimeError):  # a MiniStack thread changed it meanwhile; retried later
                self._write(service)

    async def write_motion(self) -> None:
        """Write changed messages and executions every 2 seconds, for ever.

        The sweep repairs what a kill loses of them.
        """
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            self.write_moved()

    async def write_everything(self) -> None:
        """Write every service's state as one generation, consistent across services."""
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
        if state is None or (found := _uncopied(state)) is None:
            return
        text = _text(service, found)
        if service == _TABLES and self._deployed is not None:
            text = kept.without_tables(text, self._deployed)
        if self._written.get(service) != text:
            kept.rewrite(self._generations, service, text)
            self._written[service] = text


class _References(ModuleType):
    """Stands for the module ``copy`` where what would be copied is only read."""

    @staticmethod
    def deepcopy(value: Any) -> Any:
        """Return the value itself."""
        return value


def _uncopied(state: Any) -> Any:
    """Return what MiniStack's `state` function returns, without copies of every item, which take longest.

    The caller serialises it at once, before the event loop handles the next request.
    """
    references = {**state.__globals__, "copy": _References("copy")}
    return FunctionType(state.__code__, references, argdefs=state.__defaults__, closure=state.__closure__)()


async def _steady(state: Any) -> Any:
    """Read a service's state; retry when one of the service's threads changes it meanwhile."""
    for _ in range(20):
        try:
            return state()
        except RuntimeError:
            await asyncio.sleep(0.01)
    return state()


def _text(service: str, state: Any) -> str:
    """Serialize a state in MiniStack's format."""
    wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": state}
    return json.dumps(wrapped, default=persistence._json_default)
