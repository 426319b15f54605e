"""What an endpoint stands for: one container's ``serve`` command, watched and replaced when it dies."""

from __future__ import annotations

import shutil
import socket
import tarfile
import threading
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local import sessions
from local.processes import Child
from local.sagemaker import channels, container, containers, logs, pulling

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.world import World

    Record = dict[str, Any]

_PING_SECONDS = 180.0
_POLL_SECONDS = 0.05
_FIRST_STARTS = 2
_RESTART_PAUSE_SECONDS = 0.5


class HostError(Exception):
    """An endpoint can not come up; the message is its FailureReason."""


class Host:
    """One running variant of an endpoint.

    Parameters
    ----------
    world : World
        The SageMaker.
    endpoint : str
        The endpoint's name.
    model : dict
        The model's record: container, execution role, network isolation.
    variant : dict
        The production variant: serverless or on an instance.
    """

    def __init__(self, world: World, endpoint: str, model: Record, variant: Record) -> None:
        self._world, self._endpoint, self._role = world, endpoint, str(model.get("ExecutionRoleArn"))
        self._container = containers.resolve(world, containers.container(model))
        self._isolated = bool(model.get("EnableNetworkIsolation"))
        self.image = self._container.get("Image", "")
        self.variant = variant["VariantName"]
        self.serverless: Record | None = variant.get("ServerlessConfig")
        concurrency = self.serverless["MaxConcurrency"] if self.serverless else 1000
        self.slots = threading.BoundedSemaphore(concurrency)
        self.port = 0
        self._root = world.folder("endpoints", endpoint)
        self._closed = threading.Event()
        self._child: Child | None = None

    def start(self) -> None:
        """Pull, download, run; returns when the container answers its ping.

        Raises
        ------
        HostError
            Saying what SageMaker's FailureReason would.
        """
        try:
            code = self._pull()
            self._download()
            self._first_run(code)
        except BaseException:
            self.close()
            raise
        threading.Thread(
            target=self._watch, args=(code,), daemon=True, name=f"watch-{self._endpoint}"
        ).start()

    def close(self) -> None:
        """Stop the container and forget its files."""
        self._closed.set()
        if self._child:
            self._child.stop(1.0)
        shutil.rmtree(self._root, ignore_errors=True)

    def _first_run(self, code: Path) -> None:
        for _ in range(_FIRST_STARTS):
            if self._run(code):
                return
        raise HostError(
            f"The primary container for production variant {self.variant} did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )

    def _pull(self) -> Path:
        try:
            return pulling.pull(self._world, self.image, self._role)
        except pulling.ImageError as error:
            raise HostError(
                f"The image of production variant {self.variant} can not be pulled: {error}"
            ) from error

    def _download(self) -> None:
        """Fetch and unpack the model, with the execution role."""
        model = self._root / "model"
        model.mkdir(parents=True)
        (self._root / "tmp").mkdir()
        uri = self._container.get("ModelDataUrl")
        if not uri:
            return
        archive = self._root / "model.tar.gz"
        try:
            bucket, key = channels.split(uri)
            s3 = sessions.connect("s3", sessions.assume(self._role, "SageMaker"))
            s3.download_file(bucket, key, str(archive))
        except (ClientError, channels.ChannelError) as error:
            raise HostError(
                f'Failed to download model data for container "primary" from URL: "{uri}". Please ensure that there is '
                f"an object located at the URL and that the role passed to CreateModel has permissions to download the "
                f"model. ({error})"
            ) from error
        with tarfile.open(archive) as tar:
            tar.extractall(model, filter="data")
        archive.unlink()

    def _run(self, code: Path) -> bool:
        """Start the container; whether it came to answer its ping."""
        self.port = _free_port()
        self._child = Child(container.command("serve"), env=self._environment(code), cwd=code)
        threading.Thread(target=self._log, args=(self._child,), daemon=True).start()
        deadline = time.monotonic() + _PING_SECONDS
        while time.monotonic() < deadline and self._child.poll() is None and not self._closed.is_set():
            if self._ping():
                return True
            self._closed.wait(_POLL_SECONDS)
        self._child.kill()
        return False

    def _watch(self, code: Path) -> None:
        """Replace the container whenever it dies, as SageMaker replaces instances."""
        while not self._closed.is_set():
            if self._child is not None and self._child.poll() is None:
                self._closed.wait(_POLL_SECONDS)
            else:
                self._closed.wait(_RESTART_PAUSE_SECONDS)
                if not self._closed.is_set():
                    self._run(code)

    def _ping(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=2) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except (urllib.error.URLError, OSError):
            return False

    def _log(self, child: Child) -> None:
        client = sessions.connect("logs", sessions.assume(self._role, "SageMaker"))
        group = f"/aws/sagemaker/Endpoints/{self._endpoint}"
        stream = logs.LogStream(client, group, f"{self.variant}/{time.time_ns():x}")
        for line in child.output:
            stream.write(line.decode(errors="replace").rstrip())
        stream.close()

    def _environment(self, code: Path) -> dict[str, str]:
        return {
            **container.variables(
                self._world, role_arn=self._role, root=self._root, code=code, isolated=self._isolated
            ),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "RELEARN_BIND_HOST": "127.0.0.1",
            **self._container.get("Environment", {}),
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
