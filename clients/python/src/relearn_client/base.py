"""The common part of both clients: configuration and the start of a call."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Generic, Self, TypeVar

import httpx

from relearn_client import laptop, wire
from relearn_client.auth import auth_for
from relearn_client.calls import Call, T
from relearn_client.exchange import ATTEMPT_SECONDS, DEADLINE_SECONDS, RETRY, Exchange, Limits, exchange
from relearn_client.retry import Retry

H = TypeVar("H", httpx.Client, httpx.AsyncClient)


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificates that all clients trust, loaded once: for each client it would take 20 ms."""
    return httpx.create_ssl_context()


class Base(Generic[H]):
    """A client without input and output.

    Parameters
    ----------
    url
        URL of the API: the output ``ApiUrl`` of the serving stack, or what ``make run`` prints.
    auth
        Authentication: `SigV4`, `Bearer`, a token, a function that returns a token, any `httpx.Auth`, or
        None.
    deadline_seconds
        Maximum duration of a call with all its attempts and pauses.
    attempt_seconds
        Maximum duration of one attempt.
    retry
        Policy of retries.
    http
        An httpx client to send with, e.g. one with a proxy; it is not closed with this client.

    Raises
    ------
    ValueError
        When a value is out of range.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: httpx.Auth | str | Callable[[], str] | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        attempt_seconds: float = ATTEMPT_SECONDS,
        retry: Retry = RETRY,
        http: H | None = None,
    ) -> None:
        self._url = wire.base_url(url)
        self._auth = auth_for(auth)
        self._limits = Limits(deadline_seconds=deadline_seconds, attempt_seconds=attempt_seconds, retry=retry)
        self._owns_http = http is None
        self._http: H = self._open() if http is None else http

    @classmethod
    def local(
        cls,
        file: Path | str = laptop.LOCAL_FILE,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        attempt_seconds: float = ATTEMPT_SECONDS,
        retry: Retry = RETRY,
    ) -> Self:
        """Return a client of the laptop cloud that runs in this folder or one above, with its owner's credentials.

        Parameters
        ----------
        file
            The file that describes the cloud; a relative path is searched in the working directory and its
            parents.
        deadline_seconds, attempt_seconds, retry
            As for any client.

        Raises
        ------
        LocalCloudError
            When no such cloud is found.
        CredentialsError
            When requests must be signed and botocore is not installed.
        """
        url, auth = laptop.find(file)
        return cls(
            url, auth=auth, deadline_seconds=deadline_seconds, attempt_seconds=attempt_seconds, retry=retry
        )

    def _open(self) -> H:
        raise NotImplementedError

    def _begin(self, call: Call[T]) -> Exchange[T]:
        return exchange(call, self._limits, clock=time.monotonic, chance=random.random)
