"""Keep-alive HTTP connections to one host, shared by threads.

A connection that the server closed while it was idle is detected before use where possible, and otherwise
when no byte of an answer arrives. Only in that case is the request sent again, on a new connection. That is
safe because every request sent here may be repeated: reads, predictions, writes that are conditional on their
writer, messages whose reader recognises them, and counts, where one too many does no harm.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

CONNECT_SECONDS = 1.0
"""Time limit for opening a connection, in seconds."""
IDLE_SECONDS = 50.0
"""Seconds without use after which a connection is closed: load balancers drop idle ones silently after 60 s."""
_PIECE = 1 << 20
_CLOSED_BEFORE_AN_ANSWER = (
    ConnectionResetError,
    BrokenPipeError,
)  # RemoteDisconnected of http.client is a ConnectionResetError


class UnreachableError(Exception):
    """The host cannot be reached, or its answer is not HTTP or not complete."""


class NoConnectionError(UnreachableError, TimeoutError):
    """The host did not accept a connection in time; nothing was sent."""


class Reply(NamedTuple):
    """An answer: HTTP status, headers with lower-case names, complete body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connections:
    """Connections to one host; thread-safe.

    Parameters
    ----------
    url
        ``http://`` or ``https://``, host, and a port unless it is the default. TLS certificates are verified.
    clock
        Monotonic clock, in seconds.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._name, self._port = parts.hostname or "", parts.port
        self.host = parts.netloc
        self._clock = clock
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Reply:
        """Send a request and return the complete answer.

        Parameters
        ----------
        method, path, headers, body
            The request.
        seconds
            Time limit, in seconds.

        Raises
        ------
        TimeoutError
            The time limit has passed.
        UnreachableError
            There is no connection, or no complete answer.
        """
        end = self._clock() + seconds
        try:
            if (kept := self._take()) is not None:
                with contextlib.suppress(*_CLOSED_BEFORE_AN_ANSWER):
                    return self._exchange(kept, method, path, headers, body, end)
            return self._exchange(self._open(end), method, path, headers, body, end)
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"{self.host}: {type(error).__name__}: {error}") from error

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _take(self) -> http.client.HTTPConnection | None:
        while self._idle:
            try:
                since, connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                return None
            if self._clock() - since < IDLE_SECONDS and not _was_closed(connection):
                return connection
            connection.close()
        return None

    def _open(self, end: float) -> http.client.HTTPConnection:
        seconds = min(CONNECT_SECONDS, self._left(end))
        if self._secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._name, self._port, timeout=seconds, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(self._name, self._port, timeout=seconds)
        try:
            connection.connect()
        except TimeoutError as error:
            connection.close()
            raise NoConnectionError(f"{self.host} took no connection within {seconds:.1f} s") from error
        return connection

    def _exchange(  # noqa: PLR0917 - all of a request
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        end: float,
    ) -> Reply:
        kept = False
        try:
            connection.sock.settimeout(self._left(end))
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = self._read(connection, answer, end)
            if kept := not answer.will_close:
                self._idle.append((self._clock(), connection))
        finally:
            if not kept:
                connection.close()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, named, content)

    def _read(
        self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, end: float
    ) -> bytes:
        """Return the body of an answer. The deadline applies to the whole body, not to each piece."""
        pieces = []
        try:
            while piece := answer.read1(_PIECE):
                pieces.append(piece)
                if connection.sock is not None:  # None when the server will close the connection
                    connection.sock.settimeout(self._left(end))
        except _CLOSED_BEFORE_AN_ANSWER as error:
            raise UnreachableError(f"{self.host} closed the connection within its answer") from error
        answer.read()  # empty; tells http.client that the connection is free
        if answer.length:
            raise UnreachableError(f"{self.host} sent {answer.length} bytes less than it said")
        return b"".join(pieces)

    def _left(self, end: float) -> float:
        if (left := end - self._clock()) <= 0:
            raise TimeoutError(f"{self.host} did not answer in time")
        return left


def _was_closed(connection: http.client.HTTPConnection) -> bool:
    """Return whether an idle connection was closed: it is readable, although no answer is due."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
