"""``relearn proxy``: serve the stage's API on this machine, for clients that cannot sign requests."""

from __future__ import annotations

import socket
from typing import Annotated

import typer
import uvicorn

from cli.stage import target as targets
from cli.stage.api import authority
from cli.stage.signing_proxy import Forward
from cli.terminal.errors import INTERRUPTED
from cli.terminal.output import done, err, note
from relearn.errors import RelearnError

HOST = "127.0.0.1"
"""Loopback only: whoever reaches the proxy acts with the caller's credentials."""


def proxy(
    ctx: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")] = 8000,
) -> None:
    """Forward requests to the API with your credentials, until Ctrl-C: `curl`, a browser and any client just work."""
    target = targets.of(ctx)
    url, auth = target.output("ApiUrl"), authority(target)
    with _listen(port) as listener:
        own = listener.getsockname()[1]
        app = Forward(url, auth, own, lambda line: err.print(line, style="dim"))
        done(f"http://{HOST}:{own} is {url}; to try it out: http://{HOST}:{own}/docs")
        note("whoever is on this machine can use it as you; Ctrl-C ends it")
        # A request under way must not delay Ctrl-C for long.
        settings = uvicorn.Config(
            app,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_level="error",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,
        )
        uvicorn.Server(settings).run(sockets=[listener])
        # Only Ctrl-C ends the server; uvicorn may have swallowed the KeyboardInterrupt.
        raise typer.Exit(INTERRUPTED)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise RelearnError(
            f"port: got {port} ({error.strerror}); allowed: a free port, or 0 to take any"
        ) from error
