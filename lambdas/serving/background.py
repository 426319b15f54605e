"""Does what no caller should wait for while the answer's record is sent: counting, and copies for a candidate."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lambdas.serving.request_context import RequestContext

SECONDS = 1.0
"""How long each may take, as long as the record's queue may; see `lambdas.aws.fast.client.DynamoDB.within`."""
_log = logging.getLogger(__name__)


@contextmanager
def running(context: RequestContext) -> Iterator[None]:
    """Do all of `RequestContext.beside` at once, each in a thread of its own, while something else is done within.

    What fails or does not end in time is counted as lost, and the answer stands.
    """
    end = time.monotonic() + SECONDS
    threads = [_start(job, context) for job in context.beside]
    try:
        yield
    finally:
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
            context.uncounted |= thread.is_alive()


def _start(job: Callable[[], None], context: RequestContext) -> threading.Thread:
    thread = threading.Thread(target=_do, args=(job, context), daemon=True)
    thread.start()
    return thread


def _do(job: Callable[[], None], context: RequestContext) -> None:
    try:
        job()
    except Exception:  # noqa: BLE001 - whatever it is, the caller has an answer
        context.uncounted = True
        _log.warning("what a version did is not counted", exc_info=True)
