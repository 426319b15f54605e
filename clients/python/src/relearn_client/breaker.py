"""For an application that goes on without an answer: it asks, or at once does not."""

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
    """Asks with a client, and leaves the API alone for a while after it failed.

    So an API that is away costs one time-out every cool-down, and not one every page. Threads may share one.

    Parameters
    ----------
    connect
        Makes a client, one that gives up soon: ``Client(url, deadline_seconds=0.5)``. It is called when there is something
        to ask, and again after a failure: the API may be at another address by then.
    cool_down_seconds
        How long nothing is asked of a topic after it failed.
    clock
        Seconds that only grow.

    Raises
    ------
    ValueError
        The cool-down is negative.
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
        """Ask; None when there is no answer. Why is logged as a warning.

        Parameters
        ----------
        topic
            What is left alone together when it fails, e.g. a model: one may serve while another does not yet.
        call
            What to ask: ``lambda client: client.predict("iris", instances)``.
        """
        if self._clock() < self._resumes.get(topic, float("-inf")):
            return None
        try:
            return call(self._connected())
        except InvalidRequestError as error:  # this request is wrong; the next may be right
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
