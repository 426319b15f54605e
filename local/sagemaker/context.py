"""What all modules of the local SageMaker share: settings, state, images and pauses."""

from __future__ import annotations

import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ministack.services import eventbridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.forks import ForkServer
    from local.images import Images
    from local.sagemaker.state import State
    from local.settings import Settings

SOCKETS = "s"
"""Folder of the sockets; short, because a Unix socket's path has at most about a hundred characters."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Context of one local SageMaker.

    Parameters
    ----------
    settings : Settings
        Account, region and folders.
    state : State
        The records.
    images : Images
        Container images of the assembly.
    endpoint : str
        URL of the cloud's AWS APIs, passed to containers.
    step_seconds : float
        Minimum duration of each status of a job or endpoint in seconds, so that it can be observed, as on
        AWS.
    closing : threading.Event
        Set when the cloud stops.
    numbers : iterator of int
        Names of sockets.
    servers : dict
        Fork server of each image's jobs by the image's directory; accessed with ``starting`` held.
    """

    settings: Settings
    state: State
    images: Images
    endpoint: str
    step_seconds: float = 0.15
    closing: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    servers: dict[Path, ForkServer] = field(default_factory=dict)
    starting: threading.Lock = field(default_factory=threading.Lock)

    def arn(self, kind: str, name: str) -> str:
        """Return a resource's ARN; SageMaker writes the name in lower case."""
        return f"arn:aws:sagemaker:{self.settings.region}:{self.settings.account}:{kind}/{name.lower()}"

    def folder(self, kind: str, name: str) -> Path:
        """Create and return a scratch folder for a job's or endpoint's files."""
        path = self.settings.scratch / kind / f"{name}-{time.monotonic_ns()}"
        path.mkdir(parents=True)
        return path

    def socket(self) -> str:
        """Return an unused path for a Unix socket, in a folder that only the cloud's owner can enter."""
        folder = self.settings.scratch / SOCKETS
        folder.mkdir(mode=0o700, exist_ok=True)
        return str(folder / f"{next(self.numbers)}")

    def pause(self) -> None:
        """Wait for `step_seconds`, or until the cloud stops."""
        self.closing.wait(self.step_seconds)

    def in_background(self, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        """Start work in its own daemon thread."""
        thread = threading.Thread(target=work, args=arguments, daemon=True, name=f"sagemaker-{work.__name__}")
        thread.start()
        return thread


def announce(kind: str, arn: str, detail: dict[str, Any]) -> None:
    """Put a SageMaker event on the account's default event bus."""
    entry = {"Source": "aws.sagemaker", "DetailType": kind, "Resources": [arn], "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)  # noqa: SLF001
