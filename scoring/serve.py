"""Serve ``GET /ping`` and ``POST /invocations`` with one raw ASGI application on uvicorn.

No training library is imported, and no model is unpickled: the artifact is checked against its digests, then
onnxruntime loads the graph. The server does not start with a wrong artifact.
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

GRACE_SECONDS = 20  # for requests in progress when the server stops
KEEP_ALIVE_SECONDS = 75  # longer than callers keep connections, so that they close first
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
"""Options of uvicorn; the benchmark's echo server uses the same."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a server, from its environment.

    Parameters
    ----------
    host, port
        Address to listen on.
    socket
        Unix socket to listen on instead, which no web page can reach; None outside a laptop.
    workers
        Number of server processes; each loads the model.
    version
        Model version named in answers; None when it is not given.
    artifact_sha256
        Digest (hex) of all files of the evaluated artifact; empty when it is not given.
    """

    host: str
    port: int
    socket: str | None
    workers: int
    version: int | None
    artifact_sha256: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables.

        Raises
        ------
        ConfigError
            A value is not a whole number in its range.
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
    """Serve until stopped; return 1 when the artifact or a setting is wrong."""
    try:
        settings = Settings.from_env(os.environ)
        app = make_app()  # once before any worker, so that an error is reported once
    except RelearnError as error:
        complain(f"not serving: {error}")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again after its shutdown
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
    """Load the model of the container; uvicorn calls this in every worker.

    Parameters
    ----------
    environ
        Environment variables: the settings of `Settings`, and ``SAGEMAKER_BASE_DIR``.

    Raises
    ------
    ArtifactError
        The artifact is damaged, does not load, or is not the one that was evaluated.
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
