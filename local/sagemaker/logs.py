"""A container's output: streamed to CloudWatch Logs, and searched for metrics."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable

_FLUSH_SECONDS = 0.5
_MESSAGE_BYTES = 200_000
_BATCH = 500


class LogStream:
    """A stream of a log group, written with the container's role as SageMaker does.

    Without permission the container keeps running and its output is lost, as on AWS; ``refused`` then holds
    the error.

    Parameters
    ----------
    client : CloudWatch Logs client
        Client with the credentials of the container's role.
    group, stream : str
        Names of log group and log stream.
    looks : bool
        Whether the service calls DescribeLogStreams first, and so needs that permission; SageMaker does.
    """

    def __init__(self, client: Any, group: str, stream: str, *, looks: bool = True) -> None:
        self._looks = looks
        self._client, self._group, self._stream = client, group, stream
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self.refused = ""
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"logs-{stream}")
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue one line of output; blank lines are dropped."""
        if line.strip():
            self._lines.put(line[:_MESSAGE_BYTES])

    def close(self) -> None:
        """Write the remaining lines; wait at most 10 seconds."""
        self._closing.set()
        self._lines.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._open()
            while self._flush():
                self._closing.wait(_FLUSH_SECONDS)
        except Exception as error:  # noqa: BLE001 - losing logs never fails a container
            self.refused = str(error)

    def _open(self) -> None:
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException, ClientError):
            self._client.create_log_group(logGroupName=self._group)
        if self._looks:
            self._client.describe_log_streams(
                logGroupName=self._group, logStreamNamePrefix=self._stream, limit=1
            )
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
            self._client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)

    def _flush(self) -> bool:
        """Write the queued lines; return False at the end of the stream."""
        events: list[dict[str, Any]] = []
        while len(events) < _BATCH:
            try:
                line = self._lines.get(block=not events)
            except queue.Empty:
                break
            if line is None:
                self._put(events)
                return False
            events.append({"timestamp": int(time.time() * 1000), "message": line})
        self._put(events)
        return True

    def _put(self, events: list[dict[str, Any]]) -> None:
        if events:
            self._client.put_log_events(
                logGroupName=self._group, logStreamName=self._stream, logEvents=events
            )


def metrics(lines: Iterable[str], definitions: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return the last value of each metric that a job's MetricDefinitions find in its output."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        for definition in definitions:
            match = re.search(definition["Regex"], line)
            if match and match.groups():
                with contextlib.suppress(ValueError):
                    value = float(match.group(1))
                    found[definition["Name"]] = {
                        "MetricName": definition["Name"],
                        "Value": value,
                        "Timestamp": time.time(),
                    }
    return list(found.values())
