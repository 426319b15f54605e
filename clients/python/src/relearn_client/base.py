"""What both clients are made of, and how they begin a call."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Self, TypeVar

import httpx

from relearn_client import laptop, wire
from relearn_client.auth import auth_for
from relearn_client.calls import Call, T
from relearn_client.exchange import ATTEMPT_SECONDS, DEADLINE_SECONDS, RETRY, Exchange, Limits, exchange
from relearn_client.retry import Retry

H = TypeVar("H", httpx.Client, httpx.AsyncClient)


class Base(Generic[H]):
    """A client that does not send yet.

    Parameters
    ----------
    url
        The API's address: the output ``ApiUrl`` of the serving stack, or what ``make run`` prints.
    auth
        Whose requests they are: `SigV4`, `Bearer`, a token, what gives a token, any other `httpx.Auth`, or None.
    deadline_seconds
        How long one call may take with all its attempts and pauses.
    attempt_seconds
        How long one attempt may take.
    retry
        How often to ask.
    http
        Another client of httpx to send with, e.g. one with a proxy; it stays open when this one is closed.

    Raises
    ------
    ValueError
        A value is out of range.
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
        """Make a client of the laptop cloud that runs in this folder or one above, as its owner.

        Parameters
        ----------
        file
            Its description; a relative one is looked for in the working directory and those above it.
        deadline_seconds, attempt_seconds, retry
            How patient it is, as of any client.

        Raises
        ------
        LocalCloudError
            None runs here.
        CredentialsError
            Its requests are to be signed, and botocore is not installed.
        """
        url, auth = laptop.find(file)
        return cls(
            url, auth=auth, deadline_seconds=deadline_seconds, attempt_seconds=attempt_seconds, retry=retry
        )

    def _open(self) -> H:
        raise NotImplementedError

    def _begin(self, call: Call[T]) -> Exchange[T]:
        return exchange(call, self._limits, clock=time.monotonic, chance=random.random)
