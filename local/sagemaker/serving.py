"""A container's ``serve`` command: pulls the image, downloads the model, waits for the ping."""

from __future__ import annotations

import http.client
import shutil
import socket
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from local import sessions
from local.processes import Child
from local.sagemaker import archives, channels, container, containers, logs, pulling
from local.sagemaker.state import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local.sagemaker.context import Context

_PING_SECONDS = 180.0
_PING_TIMEOUT_SECONDS = 2.0
POLL_SECONDS = 0.05


class ServingError(Exception):
    """A container cannot start; the message is SageMaker's."""


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket, which only processes with access to the cloud's folder can reach, and no web page."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the Unix socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Server:
    """A model's container, which serves on its own Unix socket.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    model : dict
        Record of the model: container, execution role, network isolation.
    root : Path
        Existing folder that stands for ``/opt/ml``; `close` removes it.
    group, stream : str
        Log group, and prefix of the log stream.
    more : mapping
        Further environment variables.
    """

    def __init__(
        self, context: Context, model: Record, *, root: Path, group: str, stream: str, more: Mapping[str, str]
    ) -> None:
        self._context, self._root, self._group, self._stream = context, root, group, stream
        self.role = str(model.get("ExecutionRoleArn"))
        self._container = containers.resolve(context, containers.container(model))
        self._isolated = bool(model.get("EnableNetworkIsolation"))
        self._more = more
        self.image = self._container.get("Image", "")
        self._socket = ""
        self.closed = threading.Event()
        self._child: Child | None = None

    def prepare(self) -> Path:
        """Pull the image and download the model with the execution role; return the image's directory.

        Raises
        ------
        ServingError
            When the image or the model cannot be obtained.
        """
        try:
            code = pulling.pull(self._context, self.image, self.role)
        except pulling.ImageError as error:
            raise ServingError(f"The image cannot be pulled: {error}") from error
        self._download()
        return code

    def run(self, code: Path, over: Callable[[], bool] = lambda: False) -> bool:
        """Start the container; return whether its ping succeeds.

        Parameters
        ----------
        code : Path
            The image's directory.
        over : callable
            Returns whether to give up.
        """
        self._socket = self._context.socket()
        self._child = Child(
            container.command(self._context, self.image, "serve"), env=self._environment(code), cwd=code
        )
        threading.Thread(target=self._log, args=(self._child,), daemon=True).start()
        deadline = time.monotonic() + _PING_SECONDS
        while time.monotonic() < deadline and self._child.poll() is None and not self.closed.is_set():
            if over():
                break
            if self._ping():
                return True
            self.closed.wait(POLL_SECONDS)
        self._child.kill()
        return False

    def connect(self, timeout: float) -> Connection:
        """Return a connection to the running container; `timeout` is in seconds."""
        return Connection(self._socket, timeout)

    def alive(self) -> bool:
        """Whether the container is running."""
        return self._child is not None and self._child.poll() is None

    def halt(self) -> None:
        """Stop the container; its files stay."""
        if self._child:
            self._child.stop(1.0)

    def close(self) -> None:
        """Stop the container and delete its files."""
        self.closed.set()
        self.halt()
        shutil.rmtree(self._root, ignore_errors=True)

    def _download(self) -> None:
        model = self._root / "model"
        model.mkdir(parents=True)
        (self._root / "tmp").mkdir()
        uri = self._container.get("ModelDataUrl")
        if not uri:
            return
        archive = self._root / "model.tar.gz"
        try:
            bucket, key = channels.split(uri)
            s3 = sessions.connect("s3", sessions.assume(self.role, "SageMaker"))
            s3.download_file(bucket, key, str(archive))
        except (ClientError, channels.ChannelError) as error:
            raise ServingError(
                f'Failed to download model data for container "primary" from URL: "{uri}". Please ensure that there is '
                f"an object located at the URL and that the role passed to CreateModel has permissions to download the "
                f"model. ({error})"
            ) from error
        try:
            archives.unpack(archive, model)
        except archives.ArchiveError as error:
            raise ServingError(f'Failed to extract model data archive from URL: "{uri}": {error}') from error
        archive.unlink()

    def _ping(self) -> bool:
        connection = self.connect(_PING_TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _log(self, child: Child) -> None:
        client = sessions.connect("logs", sessions.assume(self.role, "SageMaker"))
        stream = logs.LogStream(client, self._group, f"{self._stream}{time.time_ns():x}")
        for line in child.output:
            stream.write(line.decode(errors="replace").rstrip())
        stream.close()

    def _environment(self, code: Path) -> dict[str, str]:
        return {
            **container.variables(
                self._context, role_arn=self.role, root=self._root, code=code, isolated=self._isolated
            ),
            "RELEARN_BIND_SOCKET": self._socket,
            **self._container.get("Environment", {}),
            **self._more,
        }
