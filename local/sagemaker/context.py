"""What every module of the local SageMaker shares: settings, state, images and clocks."""

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

    from local.images import Images
    from local.sagemaker.state import State
    from local.settings import Settings

SOCKETS = "s"
"""A short name: the system takes about a hundred characters for all of a socket's address."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One SageMaker.

    Parameters
    ----------
    settings : Settings
        Account, region and folders.
    state : State
        The records.
    images : Images
        What image URIs stand for.
    endpoint : str
        Where the cloud's AWS APIs answer; containers are told.
    step_seconds : float
        How long each status of a job or an endpoint lasts at least: long enough to be seen, as on AWS.
    """

    settings: Settings
    state: State
    images: Images
    endpoint: str
    step_seconds: float = 0.15
    closing: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def arn(self, kind: str, name: str) -> str:
        """Return a resource's ARN; SageMaker writes names in lower case there."""
        return f"arn:aws:sagemaker:{self.settings.region}:{self.settings.account}:{kind}/{name.lower()}"

    def folder(self, kind: str, name: str) -> Path:
        """Return a scratch folder for a job's or an endpoint's files, made."""
        path = self.settings.scratch / kind / f"{name}-{time.monotonic_ns()}"
        path.mkdir(parents=True)
        return path

    def socket(self) -> str:
        """Return the address of a Unix socket that nobody has; the folder is the cloud's owner's alone."""
        folder = self.settings.scratch / SOCKETS
        folder.mkdir(mode=0o700, exist_ok=True)
        return str(folder / f"{next(self.numbers)}")

    def pause(self) -> None:
        """Let a status be seen."""
        self.closing.wait(self.step_seconds)

    def in_background(self, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        """Run work in a thread of its own."""
        thread = threading.Thread(target=work, args=arguments, daemon=True, name=f"sagemaker-{work.__name__}")
        thread.start()
        return thread


def announce(kind: str, arn: str, detail: dict[str, Any]) -> None:
    """Put one of SageMaker's own events on the account's default bus."""
    entry = {"Source": "aws.sagemaker", "DetailType": kind, "Resources": [arn], "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)  # noqa: SLF001
