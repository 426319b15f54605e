"""MiniStack in this process, on two loopback ports.

One port serves the AWS APIs. The other treats every request as one to the deployed HTTP API, so that ``curl
http://127.0.0.1:<port>/v1/models`` works without a Host header.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any, cast

from local import environment
from local.api_gateway import arrivals, door, issuing
from local.api_gateway.issuer import Issuer

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

    from local.asgi import App, Scope
    from local.settings import Settings

_STOP_SECONDS = 10.0


def listen(port: int) -> socket.socket:
    """Bind a loopback port and return the socket; 0 binds a free port.

    Raises
    ------
    OSError
        When the port cannot be bound; the message names the port.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        raise OSError(
            f"port {port} of 127.0.0.1 cannot be opened: {error}; give another, or 0 for a free one"
        ) from error
    return bound


class Server:
    """MiniStack, served from its own thread.

    It replaces this process's environment (``local.environment``).

    Parameters
    ----------
    settings : Settings
        Settings of the cloud.
    """

    def __init__(self, settings: Settings) -> None:
        self._sockets = [listen(port) for port in _ports(settings)]
        self.port, self.api_port = (bound.getsockname()[1] for bound in self._sockets)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.issuer = Issuer(self.endpoint)
        self._api_id = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ministack", daemon=True)
        environment.isolate(settings, self.port)
        if settings.keep:
            (settings.keep / "ports.json").write_text(json.dumps([self.port, self.api_port]))

    def start(self) -> None:
        """Start serving; return when requests are answered.

        Raises
        ------
        TimeoutError
            When MiniStack has not started within 30 seconds.
        """
        logging.getLogger("hypercorn.error").setLevel(logging.WARNING)
        self._thread.start()
        if not self._started.wait(30):
            raise TimeoutError("MiniStack did not start within 30 s")

    def stop(self) -> None:
        """Stop serving; MiniStack then writes its whole state when the cloud is kept."""
        if self._loop and self._stop and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_STOP_SECONDS)

    def begin(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Schedule a coroutine on the server's event loop, where no request changes state between its steps.

        Raises
        ------
        RuntimeError
            When the server is not started.
        """
        if self._loop is None:
            raise RuntimeError("the server is not started")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def publish_api(self, api_id: str) -> None:
        """Serve the HTTP API with this id on the second port."""
        self._api_id = api_id

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        from hypercorn.asyncio import serve  # noqa: PLC0415 - after the environment is set
        from hypercorn.config import Config  # noqa: PLC0415
        from ministack import app as ministack  # noqa: PLC0415

        from local.api_gateway import pages  # noqa: PLC0415

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        servers = []
        account = issuing.beside(over_tls(ministack.app), self.issuer)
        api = self._as_api(over_tls(ministack.app))
        for bound, app in zip(
            self._sockets,
            (
                door.keep(account, self.port, below=True, admits=pages.may_use_account),
                door.keep(api, self.api_port, below=False, admits=self._page_may_call),
            ),
            strict=True,
        ):
            config = Config()
            config.bind = [f"fd://{bound.detach()}"]
            config.keep_alive_timeout = 75
            config.graceful_timeout = 1.0
            config.loglevel = "WARNING"
            servers.append(serve(cast("Any", arrivals.remember(app)), config, shutdown_trigger=self._stopped))
        self._loop.call_later(0.05, self._started.set)
        await asyncio.gather(*servers)

    def _page_may_call(self, arrival: arrivals.Arrival) -> bool:
        from local.api_gateway import pages  # noqa: PLC0415 - after the environment is set

        return pages.may_call(self._api_id, arrival)

    async def _stopped(self) -> None:
        if self._stop:
            await self._stop.wait()

    def _as_api(self, app: App) -> App:
        """Return an application that sets the Host header of the deployed HTTP API.

        The first server runs MiniStack's lifespan.
        """

        async def api(scope: Scope, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await _empty_lifespan(receive, send)
                return
            if scope["type"] == "http":
                host = f"{self._api_id or 'none'}.execute-api.localhost:{self.port}"
                headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
                scope = {**scope, "headers": [*headers, (b"host", host.encode())]}
            await app(scope, receive, send)

        return api


def _ports(settings: Settings) -> list[int]:
    """Return the ports to bind: as chosen, else those in the kept cloud's queue URLs, else 0."""
    kept = settings.keep / "ports.json" if settings.keep else None
    last = json.loads(kept.read_text()) if kept and kept.exists() else [0, 0]
    return [chosen or before for chosen, before in zip((settings.port, settings.api_port), last, strict=True)]


def over_tls(app: App) -> App:
    """Wrap an application so that requests count as received over TLS.

    Requests never leave this machine, so loopback stands for TLS. Without it, every bucket policy that denies
    ``aws:SecureTransport`` = false would deny every request.
    """

    async def secured(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [
                (name, value) for name, value in scope["headers"] if name.lower() != b"x-forwarded-proto"
            ]
            scope = {**scope, "headers": [*headers, (b"x-forwarded-proto", b"https")]}
        await app(scope, receive, send)

    return secured


async def _empty_lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
