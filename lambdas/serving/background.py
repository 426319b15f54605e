"""Does what no caller should wait for while the answer's record is sent: counting, and copies for a candidate."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lambdas.serving.request_context import Visit

SECONDS = 1.0
"""How long each may take, as long as the record's queue may; see `lambdas.aws.fast.client.DynamoDB.within`."""
_log = logging.getLogger(__name__)


@contextmanager
def running(visit: Visit) -> Iterator[None]:
    """Do all of `Visit.beside` at once, each in a thread of its own, while something else is done within.

    What fails or does not end in time is counted as lost, and the answer stands.
    """
    end = time.monotonic() + SECONDS
    threads = [_start(job, visit) for job in visit.beside]
    try:
        yield
    finally:
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
            visit.uncounted |= thread.is_alive()


def _start(job: Callable[[], None], visit: Visit) -> threading.Thread:
    thread = threading.Thread(target=_do, args=(job, visit), daemon=True)
    thread.start()
    return thread


def _do(job: Callable[[], None], visit: Visit) -> None:
    try:
        job()
    except Exception:  # noqa: BLE001 - whatever it is, the caller has an answer
        visit.uncounted = True
        _log.warning("what a version did is not counted", exc_info=True)
