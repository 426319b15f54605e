"""Circuit breaker for an application that can continue without an answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from relearn_client.client import Client
from relearn_client.errors import InvalidRequestError, RelearnClientError

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Breaker:
    """Calls the API through a client, and stops calling for a cool-down after a failure.

    An unreachable API then costs one timeout for each cool-down rather than one for each call. Threads may
    share one.

    Parameters
    ----------
    connect
        Returns a client with a short deadline: ``Client(url, deadline_seconds=0.5)``. It is called at the
        first call and again after a failure, because the API may have another address by then.
    cool_down_seconds
        Time in seconds without calls of a topic after its failure.
    clock
        Returns a monotonic time in seconds.

    Raises
    ------
    ValueError
        When the cool-down is negative.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        cool_down_seconds: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if cool_down_seconds < 0:
            raise ValueError(f"cool_down_seconds: got {cool_down_seconds!r}; allowed: 0 or more")
        self._connect, self._cool_down, self._clock = connect, cool_down_seconds, clock
        self._client: Client | None = None
        self._resumes: dict[str, float] = {}
        self._lock = threading.Lock()

    def ask(self, topic: str, call: Callable[[Client], T]) -> T | None:
        """Return the result of a call; None when there is no answer, whose reason is logged as a warning.

        Parameters
        ----------
        topic
            Calls that share a cool-down, e.g. a model: one may serve while another does not yet.
        call
            The call: ``lambda client: client.predict("iris", instances)``.
        """
        if self._clock() < self._resumes.get(topic, float("-inf")):
            return None
        try:
            return call(self._connected())
        except InvalidRequestError as error:  # only this request is wrong, so no cool-down
            _log.warning("no answer about %s: %s", topic, error)
        except RelearnClientError as error:
            _log.warning("no answer about %s, and none for %g s: %s", topic, self._cool_down, error)
            self._resumes[topic] = self._clock() + self._cool_down
            self._client = None  # not closed: another thread may be using it
        return None

    def _connected(self) -> Client:
        with self._lock:
            if (client := self._client) is None:
                client = self._client = self._connect()
            return client
