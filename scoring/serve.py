"""The server: ``GET /ping`` and ``POST /invocations``, one raw ASGI application on uvicorn.

Nothing that trains is imported here, and no model is ever unpickled: the artifact is checked
against its digests, then onnxruntime loads the graph. A wrong artifact never starts.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import uvicorn

from relearn.errors import ConfigError, RelearnError
from scoring import artifact
from scoring.app import App
from scoring.container import Container
from scoring.progress import complain

GRACE_SECONDS = 20  # for requests under way when the server is told to stop
KEEP_ALIVE_SECONDS = 75  # longer than the callers' pools keep a connection, so that they close first
OPTIONS: dict[str, Any] = {
    "loop": "uvloop",
    "http": "httptools",
    "ws": "none",
    "lifespan": "off",
    "interface": "asgi3",
    "access_log": False,
    "log_level": "warning",
    "server_header": False,
    "date_header": False,
    "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    "timeout_graceful_shutdown": GRACE_SECONDS,
}
"""How uvicorn runs; the benchmark's echo server runs the same way."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the endpoint's environment says.

    Parameters
    ----------
    host, port
        Where to listen.
    socket
        A Unix socket to listen on instead, which no web page can reach; None outside a laptop.
    workers
        Processes that answer; each holds the model once.
    version
        The model version that answers; None when it was not told.
    artifact_sha256
        Digest (hex) of all files of the artifact that was judged; empty when it was not told.
    """

    host: str
    port: int
    socket: str | None
    workers: int
    version: int | None
    artifact_sha256: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises
        ------
        ConfigError
            A value is not a number in its range.
        """
        version = environ.get("RELEARN_MODEL_VERSION")
        return cls(
            host=environ.get("RELEARN_BIND_HOST", "0.0.0.0"),  # noqa: S104 - a container's own network
            port=_whole(environ, "SAGEMAKER_BIND_TO_PORT", "8080", 65_535),
            socket=environ.get("RELEARN_BIND_SOCKET"),
            workers=_whole(environ, "SAGEMAKER_MODEL_SERVER_WORKERS", "1", 256),
            version=_whole(environ, "RELEARN_MODEL_VERSION", version, 10**9) if version else None,
            artifact_sha256=environ.get("RELEARN_ARTIFACT_SHA256", ""),
        )


def main() -> int:
    """Serve until told to stop; 1 when the artifact or a setting is wrong."""
    try:
        settings = Settings.from_env(os.environ)
        app = make_app()  # also for several workers: a wrong artifact is one message, not one per worker
    except RelearnError as error:
        complain(f"not serving: {error}")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once it has stopped
    one = settings.workers == 1
    uvicorn.run(
        app if one else "scoring.serve:make_app",
        factory=not one,
        workers=settings.workers,
        host=settings.host,
        port=settings.port,
        uds=settings.socket,
        **OPTIONS,
    )
    return 0


def make_app(environ: Mapping[str, str] = os.environ) -> App:
    """Load the model of the container; uvicorn calls it in every worker.

    Parameters
    ----------
    environ
        Says where the container's folders are, and what was judged.

    Raises
    ------
    ArtifactError
        The artifact is damaged, tampered with, not the one that was judged, or does not load.
    ConfigError
        A setting is wrong.
    """
    settings = Settings.from_env(environ)
    found = artifact.load(Container.from_env(environ).model)
    artifact.require(found, settings.artifact_sha256)
    return App(found, settings.version)


def _whole(environ: Mapping[str, str], key: str, default: str, largest: int) -> int:
    value = environ.get(key, default)
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= largest:
        raise ConfigError(key, value, f"a whole number, 1 to {largest}")
    return int(value)
